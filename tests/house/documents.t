#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# documents.t - what the documents and comments say of the tree is true, and as long as it may be
#
# Every rule is a function from texts to complaints.  Before it is asked about the tree it must find a fault that was
# made for it.  Needs no mount, and the programs only for --version and --help.
use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));
use FindBin;
use Test::More;

chdir "$FindBin::Bin/../.." or die "$FindBin::Bin: $!\n";
my $build = $ENV{BUILD} || 'build';
my @rooms = qw(fs burner include tests);

# ---- the tree --------------------------------------------------------------------------------------------------------
# Every file of the source, without what is built.
my @files;
sub gather {
	my ($directory) = @_;
	opendir my $handle, $directory or die "$directory: $!\n";
	for my $name (sort grep { !/^\.\.?$/ } readdir $handle) {
		my $path = $directory eq '.' ? $name : "$directory/$name";
		next if -l $path || $name eq '.git' || $path =~ /^build/;
		-d $path ? gather($path) : push @files, $path;
	}
}
gather('.');
my (%exists, %basename);
for my $file (@files) {
	$exists{$file} = 1;
	$basename{$file =~ s{.*/}{}r}++;
	for (my $up = $file; $up =~ s{/[^/]*$}{};) { $exists{$up} = 1 }
}
sub text_of {
	my ($file) = @_;
	open my $handle, '<:encoding(UTF-8)', $file or return '';
	local $/;
	return <$handle> // '';
}
my @documents = grep { /\.md$/ } @files;
my @code = grep { /\.[ch]$/ } @files;
my @scripts = grep { -f && !/\.([ch]|md|pack|gz|1)$/ && text_of($_) =~ /^(#!|# shellcheck shell)/ } @files;
my %text = map { $_ => text_of($_) } @documents, @code, @scripts, 'Makefile';
my $all_code = join "\n", map { $text{$_} } @code;
my %word = map { $_ => 1 } $all_code =~ /\b([A-Za-z_]\w+)\b/g;

# ---- the rules -------------------------------------------------------------------------------------------------------
# Lines of a document: prose 100 columns, tables 110, code 120.
sub long_prose {
	my ($file, $text) = @_;
	my ($fence, $n, @found) = (0, 0);
	for my $line (split /\n/, $text) {
		$n++;
		push @found, "$file:$n: a fence begins inside another one" if $fence && $line =~ /^```\w/;
		$fence = !$fence if $line =~ /^```/;
		my $most = $fence ? 120 : $line =~ /^(\||    |\t)/ ? 110 : 100;
		push @found, "$file:$n: " . length($line) . ' columns' if length $line > $most;
	}
	push @found, "$file: a fence is not closed" if $fence;
	return @found;
}

# A row that goes on in the next one is two rows when it is shown.  (The bench writes a table of its own.)
sub split_rows {
	my ($file, $text) = @_;
	my @lines = split /\n/, $text;
	return if $file eq 'tests/bench/RESULTS.md';
	return map { "$file:" . ($_ + 1) . ': a row without a first cell' }
		grep { $lines[$_] =~ /^\|\s*\|/ && ($lines[$_ + 1] // '') !~ /^\|\s*-/ } 0 .. $#lines;
}

# Lines of code: 120 columns, a tab has eight.
sub long_code {
	my ($file, $text) = @_;
	my ($n, @found) = (0);
	for my $line (split /\n/, $text) {
		$n++;
		1 while $line =~ s/^([^\t]*)\t/$1 . ' ' x (8 - length($1) % 8)/e;
		push @found, "$file:$n: " . length($line) . ' columns' if length $line > 120;
	}
	return @found;
}

# NAME stands for any name, [ch] for both.
sub is_there {
	my ($name) = @_;
	$name =~ s{/$}{};
	return 1 if $name =~ /[A-Z]{4}/ && $name !~ /\.md$|Makefile|LICENSE/ || $name =~ /[*…]/;
	if ($name =~ /^(.*)\[ch\]$/) { return is_there("$1c") && is_there("$1h") }
	return $name =~ m{/} ? $exists{$name} : $basename{$name};
}

# What a document names in backticks: paths, files, unit tests, functions.
sub missing_in_document {
	my ($file, $text) = @_;
	my @found;
	while ($text =~ /`([^`\n]+)`/g) {
		my $name = $1;
		my $wrong = $name =~ m{^(fs|burner|include|tests|\.github)/[\w./\[\]*…-]+$} ? !is_there($name)
			: $name =~ /^\w[\w-]*\.([cht]|md|sh|\[ch\])$/ ? !is_there($name)
			: $name =~ /^[a-z]\w*_test$/ ? !is_there("tests/unit/$name.c")
			: $name =~ /^([a-z]\w*_\w*)\(\)$/ ? !$word{$1}
			: 0;
		push @found, "$file: $name is not in the tree" if $wrong;
	}
	return @found;
}

# What comments name: paths with their room, and headers and sources without one.
sub missing_in_comments {
	my ($file, $text) = @_;
	my @found;
	my $of_code = $file =~ /\.[ch]$/;
	my $comments = join "\n", $of_code ? $text =~ m{(/\*.*?\*/|//[^\n]*)}sg : $text =~ /^\s*(#.*)/mg;
	while ($comments =~ m{(?<![\w/.\$"<-])((?:fs|burner|include|tests)/[\w./-]*\w\.(?:[cht]|md|sh))\b}g) {
		my $name = $1;
		push @found, "$file: $name is not in the tree" unless is_there($name);
	}
	return @found unless $of_code;
	# Without a room it is of the same one; a test may speak of any.
	my $room = $file =~ s{/[^/]*$}{}r;
	while ($comments =~ m{(?<![\w/.<-])([a-z]\w*\.[ch])\b(?!/)}g) {
		my $name = $1;
		push @found, "$file: $name is not in $room" unless is_there($room =~ /^tests/ ? $name : "$room/$name");
	}
	return @found;
}

# A section is cited by its title: fs/DESIGN.md, "Space".  Numbers of sections are of no document here.
sub missing_sections {
	my ($file, $text) = @_;
	my @found;
	$text =~ s/\n\s*(\*|#)?\s*/ /g if $file !~ /\.md$/;
	while ($text =~ /\b((?:[\w.]+\/)*[A-Z]\w*\.md), "([^"]+)"/g) {
		my ($document, $title) = ($1, $2);
		push @found, "$file: $document has no section \"$title\""
			unless ($text{$document} // '') =~ /^#+ \Q$title\E\s*$/m;
	}
	push @found, "$file: cites $1" if $text =~ /\b((?:DESIGN|SESSION) \d)/;
	return @found;
}

# A unit test bears the name of its room.
sub foreign_units {
	my ($makefile, @units) = @_;
	my ($list) = $makefile =~ /^ROOMS := ((?:.*\\\n)*.*)/m;
	my %room = map { s{.*/}{}r => 1 } grep { $_ ne '\\' } split ' ', $list // '';
	return map { "$_: of which room?" } grep { m{^tests/unit/([^_]*).*_test\.c$} && !$room{$1} } @units;
}

# Who sees whom in fs/DESIGN.md is what the Makefile says: the rooms in its order, those of fs behind a gap.
sub rooms_of {
	my ($makefile) = @_;
	my ($list) = $makefile =~ /^ROOMS := ((?:.*\\\n)*.*)/m;
	my (%sees, @lines);
	while ($makefile =~ /^SEES\.(\S+) :=[ \t]*(.*)$/mg) { $sees{$1} = [map { s{.*/}{}r } split ' ', $2] }
	for my $room (split ' ', $list =~ s/\\\n/ /gr) {
		push @lines, '' if $room =~ m{^fs/} && $lines[-1] =~ /^burner/;
		push @lines, sprintf('%-15s', $room) . join " ", @{$sees{$room} // []};
		$lines[-1] =~ s/ +$//;
	}
	return join "\n", @lines;
}

sub other_versions {
	my ($version, %texts) = @_;
	my @found;
	for my $file (sort keys %texts) {
		my $pattern = $file =~ /\.md$/ ? qr/^## \[?\Q$version\E\b/m : qr/^\.Os cdappendfs \Q$version\E$/m;
		my ($first) = $texts{$file} =~ ($file =~ /\.md$/ ? qr/^(## .*)$/m : qr/^(\.Os.*)$/m);
		push @found, "$file: " . ($first // 'no version') unless ($first // '') =~ $pattern;
	}
	return @found;
}

# ---- each rule can find something ------------------------------------------------------------------------------------
my $long = 'a word ' x 20;
is(scalar long_prose('a.md', "$long\n| $long |\n"), 2, 'a long line of prose and a long table are found');
is(scalar long_prose('a.md', "```\n" . 'x' x 105 . "\n```\n"), 0, 'code in a document may be a little longer');
is(scalar split_rows('a.md', "| | |\n|---|---|\n| a | b |\n| | c |\n"), 1, 'a row that goes on in the next one is found');
is(scalar long_code('a.c', "\t" x 15 . "x\n"), 1, 'a long line of code is found');
is(scalar missing_in_document('a.md', '`fs/nowhere.c` `nowhere.h` `no_such_test` `no_such_call()` `fs/main.c`'), 4,
	'a document that names what is not there');
is(scalar missing_in_comments('a.c', "/* fs/nowhere.c and nowhere.h */ \"elsewhere.h\" // see nothing.c\n"), 3,
	'a comment that names what is not there');
is(scalar missing_sections('a.c', "/* fs/DESIGN.md, \"No such\n * title\" */ /* DESIGN 7 */"), 2,
	'a section that is not there');
is(scalar foreign_units("ROOMS := burner/base \\\n\tfs/iso\n", map { "tests/unit/${_}_test.c" } qw(iso_a room_a a)), 2,
	'a unit test of no room');
is(scalar other_versions('1.2', 'a.1' => ".Os cdappendfs 1.1\n", 'b.md' => "# C\n## 1.2 (today)\n## 1.1\n"), 1,
	'another version is found');
isnt(rooms_of($text{Makefile}), rooms_of($text{Makefile} =~ s/^(SEES.fs.iso :=).*/$1/mr), 'a changed wall is seen');

# ---- and finds nothing here ------------------------------------------------------------------------------------------
sub nothing {
	my ($name, @found) = @_;
	ok(!@found, $name) or diag(join "\n", @found);
}
cmp_ok(scalar @documents, '>', 8, 'there are documents');
is(scalar long_prose('a.md', "```text\nx\n```text\ny\n```\n"), 2, 'fences that are not closed are found');
nothing('prose has 100 columns, tables 110', map { long_prose($_, $text{$_}) } @documents);
nothing('each entry of a table is one row', map { split_rows($_, $text{$_}) } @documents);
nothing('code has 120 columns', map { long_code($_, $text{$_}) } @code);
nothing('what documents name is there', map { missing_in_document($_, $text{$_}) } @documents);
nothing('what comments name is there', map { missing_in_comments($_, $text{$_}) }
	grep { $_ ne 'tests/house/documents.t' } @code, @scripts, 'Makefile');
nothing('sections that are cited are there', map { missing_sections($_, $text{$_}) } @documents, @code);
nothing('unit tests bear the name of their room', foreign_units($text{Makefile}, @files));
ok(index($text{'fs/DESIGN.md'}, rooms_of($text{Makefile})) >= 0, 'fs/DESIGN.md shows who sees whom')
	or diag("expected:\n" . rooms_of($text{Makefile}));

# ---- programs --------------------------------------------------------------------------------------------------------
my ($version) = ($text{'include/cdappendfs/version.h'} // '') =~ /"([\d.]+)"/;
my ($commands) = $text{Makefile} =~ /^COMMANDS := (.*)$/m;
my @programs = ('cdappendfs', map { "cdappendfs-$_" } split ' ', $commands);
my %manual = map { $_ => text_of("fs/manual/$_.1") } @programs;
like($version, qr/^\d+\.\d+\.\d+$/, 'the version has three numbers');
nothing('manual pages and CHANGELOG say that version', other_versions($version,
	(map { ("fs/manual/$_.1" => $manual{$_}) } @programs),
	'.github/CHANGELOG.md' => $text{'.github/CHANGELOG.md'} // ''));
for my $program (@programs) {
	SKIP: {
		skip "no $build/$program", 2 unless -x "$build/$program";
		is(`$build/$program --version`, "$program $version\n", "$program --version");
		# Words of --help: -o NAME, --NAME
		my %option = map { $_ => 1 } `$build/$program --help` =~ /(?:-o |--)([a-z][a-z0-9_-]+)/g;
		nothing("the manual page of $program has the options of --help",
			grep { !has_option($manual{$program}, $_) } sort keys %option);
	}
}
# What README.md says of options and keys is complete.
# ("type" is of the protocol.)
my @keys = grep { $_ ne 'type' } map { /\b(?:json_\w+|string_or_null)\(&?\w+, "([a-z_]+)"/g }
	$text{'fs/control/report.c'}, map { $text{"fs/cmd/$_.c"} } qw(sync stage discard);
cmp_ok(scalar @keys, '>', 20, 'JSON keys are found');
nothing('README.md has every JSON key', grep { $text{'README.md'} !~ /`$_`/ } @keys);
SKIP: {
	skip "no $build/cdappendfs", 1 unless -x "$build/cdappendfs";
	my @options = `$build/cdappendfs --help` =~ /^  -o ([a-z0-9_-]+)/mg;
	nothing('README.md has every option of a mount', grep { $text{'README.md'} !~ /^\|.*`$_\b/m } @options);
}
sub has_option {
	my ($page, $option) = @_;
	my $plain = $page =~ s/\\-/-/gr;
	return $plain =~ /\b\Q$option\E\b/ || $option eq 'help' || $option eq 'version';
}
done_testing();
