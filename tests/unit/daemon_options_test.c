/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of cdappendfs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/daemon/options.c"

#include <cmocka.h>

#define MAX_WORDS 16

/* The words of the line, split at blanks; they live until the next call. */
static int parse(const char *line, struct options *ret, char why[OPTIONS_WHY_MAX])
{
	static char words[512];
	static char *argv[MAX_WORDS + 2];
	static char program[] = "cdappendfs";
	int argc = 0;

	snprintf(words, sizeof(words), "%s", line);
	argv[argc++] = program;
	for (char *word = words, *next; word && *word && argc <= MAX_WORDS; word = next) {
		next = strchr(word, ' ');
		if (next)
			*next++ = '\0';
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	return options_parse(argc, argv, ret, why);
}

static void accept_line(const char *line, struct options *ret)
{
	char why[OPTIONS_WHY_MAX] = "";
	int r = parse(line, ret, why);

	if (r)
		fail_msg("%s: %s", line, why);
}

static void refuse_line(const char *line, const char *expected)
{
	char why[OPTIONS_WHY_MAX] = "";
	struct options o;
	int r = parse(line, &o, why);

	options_release(&o);
	if (r != -EINVAL || !strstr(why, expected) || strchr(why, '\n'))
		fail_msg("%s: %d '%s', expected '%s'", line, r, why, expected);
}

/* What the next disc of a set is mounted with. */
static void given(void **state)
{
	struct options o;

	(void)state;
	accept_line("disc.iso /mnt", &o);
	assert_null(o.given);
	options_release(&o);
	accept_line("-o create,media=700M,span -o ro,rw,ecc=10,message=a,volid=A\\,B -o staging=/s,allow_other d /m",
		    &o);
	assert_true(o.span);
	assert_string_equal(o.given, "span,ecc=10,volid=A\\,B,allow_other");
	options_release(&o);
	accept_line("-o stage=take,x-systemd.automount,fault=write@1=EIO d /m", &o);
	assert_string_equal(o.given, "x-systemd.automount");
	options_release(&o);
	/* … in whatever directory the next disc is mounted. */
	assert_int_equal(chdir("/usr"), 0);
	accept_line("-o catalogue=../etc/my\\,shelf.db,md5 -o nocatalogue,catalogue=/c.db,catalogue d /m", &o);
	assert_string_equal(o.given, "catalogue=/etc/my\\,shelf.db,md5,nocatalogue,catalogue=/c.db,catalogue");
	assert_string_equal(o.catalogue_file, "/c.db");
	options_release(&o);
}

static void plain(void **state)
{
	struct options o;

	(void)state;
	accept_line("disc.iso /mnt", &o);
	assert_string_equal(o.disc, "disc.iso");
	assert_string_equal(o.mountpoint, "/mnt");
	assert_false(o.foreground || o.read_only || o.create || o.commit.when || o.debug);
	assert_null(o.fuse);
	options_release(&o);
	accept_line("-f -o create,media=700M disc.iso -o volid=My_Disc /mnt", &o);
	assert_true(o.foreground && o.create);
	assert_int_equal(o.capacity_sectors, 700u * 512);
	assert_string_equal(o.volume_id, "My_Disc");
	options_release(&o);
	accept_line("-h", &o);
	assert_true(o.help);
	accept_line("--version", &o);
	assert_true(o.version);
	accept_line("-d disc.iso /mnt", &o);
	assert_true(o.foreground && o.debug);
}

static void from_fstab(void **state)
{
	struct options o;

	(void)state;
	accept_line("disc.iso /mnt -o rw,noauto,user,nofail,_netdev,x-systemd.automount,relatime,noexec,nosuid,nodev",
		    &o);
	assert_false(o.read_only);
	assert_string_equal(o.fuse, "noexec,nosuid,nodev");
	options_release(&o);
	accept_line("disc.iso /mnt -o ro,defaults,allow_other,max_read=65536", &o);
	assert_true(o.read_only && o.allow_other && !o.remount);
	assert_string_equal(o.fuse, "allow_other,max_read=65536");
	options_release(&o);
}

/* With what is shown of the mount, and what fstab says of it. */
static void a_remount(void **state)
{
	struct options o;

	(void)state;
	accept_line("disc.iso /mnt -o rw,nosuid,nodev,noatime,user_id=0,group_id=0,max_read=524288,remount,ro", &o);
	assert_true(o.remount && o.read_only);
	options_release(&o);
	accept_line("disc.iso /mnt -o ro,create,media=dvd,remount,rw", &o);
	assert_true(o.remount && !o.read_only);
	options_release(&o);
	accept_line("disc.iso /mnt -o create,remount,ro", &o);
	assert_true(o.remount && o.read_only);
	options_release(&o);
}

static void media(void **state)
{
	static const struct {
		const char *line;
		uint64_t sectors;
	} media_lines[] = {
		{"-omedia=cd74 d m", 333000},	 {"-omedia=cd80 d m", 359844},	 {"-omedia=dvd d m", 2295104},
		{"-omedia=dvd-dl d m", 4171712}, {"-omedia=bd d m", 12219392},	 {"-omedia=bd-dl d m", 24438784},
		{"-omedia=4M d m", 2048},	 {"-omedia=4.5MiB d m", 2304},	 {"-omedia=4.7G d m", 2464153},
		{"-omedia=1474560 d m", 720},	 {"-omedia=1g d m", 524288},	 {"-omedia=2T d m", 1u << 30},
		{"-omedia=2TB d m", 976562500},	 {"-omedia=4.7GB d m", 2294921},
	};
	/* What is larger than the medium that bears the number is told. */
	static const struct {
		const char *line, *instead;
	} noted[] = {
		{"-omedia=700M d m", NULL},
		{"-omedia=650M d m", NULL},
		{"-omedia=4M d m", NULL},
		{"-omedia=4.3G d m", NULL},
		{"-omedia=4.7GB d m", NULL},
		{"-omedia=25GB d m", NULL},
		{"-omedia=25GiB d m", NULL},
		{"-omedia=4700000000 d m", NULL},
		{"-omedia=200G d m", NULL},
		{"-omedia=4.7G,media=dvd d m", NULL},
		{"-omedia=4.7G d m", "media=dvd, or media=4.7GB"},
		{"-omedia=8,5G d m", "media=dvd-dl, or media=8,5GB"},
		{"-omedia=25g d m", "media=bd, or media=25gB"},
		{"-omedia=710M d m", "media=cd80"},
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(media_lines); i++) {
		accept_line(media_lines[i].line, &o);
		assert_int_equal(o.capacity_sectors, media_lines[i].sectors);
		options_release(&o);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(noted); i++) {
		accept_line(noted[i].line, &o);
		if (!noted[i].instead ? o.note[0] != '\0' : !strstr(o.note, noted[i].instead))
			fail_msg("%s: '%s'", noted[i].line, o.note);
		options_release(&o);
	}
	refuse_line("-omedia=cd90 d m", "media=cd90: one of cd74");
	refuse_line("-omedia=10 d m", "at least");
	refuse_line("-omedia=99999T d m", "media=99999T");
	refuse_line("-omedia=inf d m", "media=inf");
	refuse_line("-omedia=-4M d m", "media=-4M");
	refuse_line("-omedia=4.M d m", "media=4.M");
	refuse_line("-omedia d m", "value is missing");
}

static void values(void **state)
{
	struct options o;

	(void)state;
	accept_line("-o "
		    "session=3,uid=1000,gid=100,umask=027,tree=full,share=none,commit=manual,compat,nojoliet,noverify,"
		    "drop-udf d m",
		    &o);
	assert_int_equal(o.session, 3);
	assert_true(o.read_only && o.show_uid && o.show_gid && o.show_umask && o.share == SHARE_NONE &&
		    o.commit.when == POLICY_MANUAL);
	assert_true(o.compat && o.no_joliet && o.no_verify && o.accepted == ODDITY_BIT(ODDITY_UDF));
	assert_int_equal(o.uid, 1000);
	assert_int_equal(o.gid, 100);
	assert_int_equal(o.umask, 027);
	assert_int_equal(o.tree, OPTIONS_TREE_FULL);
	options_release(&o);
	accept_line("-o accept=udf:udf d m", &o);
	assert_int_equal(o.accepted, ODDITY_BIT(ODDITY_UDF));
	options_release(&o);
	refuse_line("-o accept=udf:all d m", "accept=udf:all: words parted by colons, of: udf");
	refuse_line("-o accept=udf: d m", "accept=udf:");
	refuse_line("-o accept= d m", "accept=");
	refuse_line("-o accept d m", "value is missing");
	accept_line("-o session=1,rw d m", &o);
	assert_true(o.read_only);
	accept_line("-o staging=/a\\,b\\\\c,fault=write@3=EIO d m", &o);
	assert_string_equal(o.staging, "/a,b\\c");
	assert_string_equal(o.fault, "write@3=EIO");
	options_release(&o);
	accept_line("-o read-delay=20 d m", &o);
	assert_string_equal(o.disc_fault, "delay=20");
	options_release(&o);
	accept_line("-o idle-nodes=12 d m", &o);
	assert_int_equal(o.idle_nodes, 12);
	options_release(&o);
	accept_line("-o speed=8,media=dvd d m", &o);
	assert_int_equal(o.bytes_per_second, 8 * 1385000);
	options_release(&o);
	accept_line("-o media=bd,speed=0.5x d m", &o);
	assert_int_equal(o.bytes_per_second, 2247812);
	options_release(&o);
	accept_line("-o speed=2 d m", &o);
	assert_int_equal(o.bytes_per_second, 307200);
	options_release(&o);
}

static void expect_pieces(const char *line, enum share_mode share, uint64_t least_bytes)
{
	struct options o;

	accept_line(line, &o);
	struct pieces_rule rule = options_pieces(&o);
	assert_int_equal(rule.share, share);
	assert_int_equal(rule.least_bytes, least_bytes);
	options_release(&o);
}

/* What they mean together; compat has none below 4 GiB, whatever else is said. */
static void pieces(void **state)
{
	(void)state;
	expect_pieces("d m", SHARE_AUTO, 0);
	expect_pieces("-o share=auto d m", SHARE_AUTO, 0);
	expect_pieces("-o share=blocks d m", SHARE_BLOCKS, 0);
	expect_pieces("-o share=none,share=auto d m", SHARE_AUTO, 0);
	expect_pieces("-o pieces=4M d m", SHARE_AUTO, 4 << 20);
	expect_pieces("-o pieces=0.5K d m", SHARE_AUTO, 512);
	expect_pieces("-o pieces=0 d m", SHARE_AUTO, 1);
	expect_pieces("-o pieces=1G d m", SHARE_AUTO, 1 << 30);
	expect_pieces("-o compat d m", SHARE_AUTO, PIECES_NEVER);
	expect_pieces("-o compat,share=blocks,pieces=1 d m", SHARE_AUTO, PIECES_NEVER);
	expect_pieces("-o share=none,compat d m", SHARE_NONE, PIECES_NEVER);
	refuse_line("-o compat,compress d m", "compress and compat: few readers");
	refuse_line("-o pieces=few d m", "pieces=few: what pieces of a file must save, a size as 16M");
	refuse_line("-o pieces=-1 d m", "pieces=-1");
	refuse_line("-o pieces=9999T d m", "pieces=9999T");
	refuse_line("-o pieces= d m", "pieces=");
	refuse_line("-o pieces d m", "value is missing");
}

static void wrong_usage(void **state)
{
	(void)state;
	refuse_line("-o ro", "DISC is missing");
	refuse_line("-f", "DISC is missing");
	refuse_line("--json disc.iso mnt", "--json goes with nothing else");
	refuse_line("disc.iso", "MOUNTPOINT is missing");
	refuse_line("a b c", "too many arguments: 'c'");
	refuse_line("-x a b", "unknown option '-x'");
	refuse_line("--wrong a b", "unknown option '--wrong'; see");
	refuse_line("--hlep a b", "unknown option '--hlep'; is --help meant?");
	refuse_line("--create a b", "unknown option '--create'; is -o create meant?");
	refuse_line("--sesion=3 a b", "is -o session= meant?");
	refuse_line("a b -o", "-o: the value is missing");
	refuse_line("-o nonsense a b", "unknown option 'nonsense'; see");
	refuse_line("-o meida=cd74 a b", "unknown option 'meida=cd74'; is media= meant?");
	refuse_line("-o noverfy a b", "is noverify meant?");
	refuse_line("-o umsak=077 a b", "is umask= meant?");
	refuse_line("-o allowother a b", "is allow_other meant?");
	refuse_line("-o q a b", "unknown option 'q'; see");
	refuse_line("-o creat a b", "unknown option 'creat'");
	refuse_line("-o ro=1 a b", "unknown option 'ro=1'");
	refuse_line("-o tree=half a b", "one of auto, full, linked");
	refuse_line("-o share=all a b", "one of auto, blocks, none");
	refuse_line("-o commit=never a b", "one of unmount, manual");
	refuse_line("-o commit=idle a b", "commit=idle: one of");
	refuse_line("-o commit=idle=0 a b", "commit=idle=0: one of");
	refuse_line("-o commit=staged= a b", "commit=staged=: one of");
	refuse_line("-o session=0 a b", "session=0");
	refuse_line("-o session=x a b", "session=x");
	refuse_line("-o umask=9 a b", "umask=9");
	refuse_line("-o uid=root a b", "uid=root");
	refuse_line("-o speed=fast a b", "speed=fast");
	refuse_line("-o speed=0 a b", "speed=0");
	refuse_line("-o staging= a b", "the value is missing");
	refuse_line("-o volid=123456789012345678901234567890123 a b", "32");
	refuse_line("-o volid=\xc3\xa4 a b", "ASCII");
	refuse_line("-o create,ro a b", "blank");
	refuse_line("-o create,session=2 a b", "blank");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(given),     cmocka_unit_test(plain),	    cmocka_unit_test(from_fstab),
		cmocka_unit_test(a_remount), cmocka_unit_test(media),	    cmocka_unit_test(values),
		cmocka_unit_test(pieces),    cmocka_unit_test(wrong_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
