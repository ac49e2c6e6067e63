# SPDX-License-Identifier: GPL-3.0-or-later
#
# One file, not recursive.  A room is a directory fs/ROOM or burner/ROOM; a room sees a library only when it is named
# under "Rooms and libraries".
#
#	CC=clang  CFLAGS=…  SAN=address,undefined  SAN=thread  CHECKS=1  WERROR=1  V=1
#	PREFIX=/usr  DESTDIR=…  SBINDIR=/sbin

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.DEFAULT_GOAL := all

SAN ?=
comma := ,
B := build$(if $(SAN),-san-$(subst $(comma),-,$(SAN)))

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/libexec
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
DOCDIR ?= $(DATADIR)/doc/cdappendfs
BASHDIR ?= $(DATADIR)/bash-completion/completions
ZSHDIR ?= $(DATADIR)/zsh/site-functions
FISHDIR ?= $(DATADIR)/fish/vendor_completions.d
UNITDIR ?= $(PREFIX)/lib/systemd/user
INSTALL ?= install
PKG_CONFIG ?= pkg-config

CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wpointer-arith -Wcast-qual \
	-Wstrict-prototypes -Wmissing-prototypes -Wundef -Wwrite-strings
ALL_CFLAGS = -std=gnu11 $(WARN) $(if $(WERROR),-Werror) $(if $(SAN)$(CHECKS),-DCDAPPENDFS_CHECKS) \
	-D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I. -Iinclude -pthread \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=undefined -fno-omit-frame-pointer) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN)) $(CFLAGS) $(LDFLAGS)

Q := $(if $(V),,@)
# For the makes that a recipe starts: the caller's -j is theirs, too; without one as many jobs as there are processors.
jobs = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)';)

# ---- Rooms and libraries -------------------------------------------------------------------------------------------
# pkg-config is asked once, and only when something is compiled or linked: `make deps` installs it first.
once = $(eval $(1) := $(shell $(2)))$($(1))
ask = $(call once,$(1),$(PKG_CONFIG) $(2))
FUSE_CFLAGS = $(call ask,FUSE_CFLAGS,--cflags fuse3)
SQLITE_CFLAGS = $(call ask,SQLITE_CFLAGS,--cflags sqlite3)
ZLIB_CFLAGS = $(call ask,ZLIB_CFLAGS,--cflags zlib)
CDIO_CFLAGS = $(call ask,CDIO_CFLAGS,--cflags libcdio libiso9660)
CRYPTO_CFLAGS = $(call ask,CRYPTO_CFLAGS,--cflags libcrypto)
CMOCKA_CFLAGS = $(call ask,CMOCKA_CFLAGS,--cflags cmocka)
BUS_CFLAGS = $(call ask,BUS_CFLAGS,--cflags libsystemd)
LIBS = $(call ask,LIBS,--libs fuse3 sqlite3 zlib libcdio libiso9660 libburn-1 libcrypto libsystemd libarchive libisal)
CMOCKA_LIBS = $(call ask,CMOCKA_LIBS,--libs cmocka)

# A room is a folder; its archive holds its objects.  The lowest room comes first.  SEES.x: the rooms whose headers and
# functions x may use, besides its own and include/; USES.x: its libraries (pkg-config).  `make layers` holds x to both.
ROOMS := burner/base burner/format burner/parity burner/session burner/medium burner \
	fs/iso fs/history fs/diff fs/restore fs/sqlite fs/stage fs/tree fs/snapdir fs/revert fs/manifest fs/sharing fs/commit \
	fs/catalogue fs/salvage fs/check fs/kit fs/fuse fs/control fs/show fs/cmd fs/daemon
SEES.burner/base :=
SEES.burner/format := burner/base
SEES.burner/parity := burner/base burner/format
SEES.burner/session := burner/base burner/format
SEES.burner/medium := burner/base burner/format burner/parity burner/session
SEES.burner := burner/base burner/format burner/parity burner/session burner/medium
SEES.fs/iso := burner/base burner/format
SEES.fs/history := burner/base fs/iso
SEES.fs/diff := burner/base fs/iso
SEES.fs/restore := burner/base fs/iso
SEES.fs/sqlite :=
SEES.fs/stage := burner/base fs/sqlite
SEES.fs/tree := burner/base burner/format fs/iso fs/stage
SEES.fs/snapdir := burner/base fs/iso fs/history fs/stage fs/tree
SEES.fs/revert := burner/base fs/iso fs/diff fs/stage fs/tree
SEES.fs/manifest := burner/base burner/format burner fs/iso fs/stage fs/tree
SEES.fs/sharing := burner/base burner/format burner fs/iso fs/stage fs/manifest
SEES.fs/commit := burner/base burner/format burner fs/iso fs/history fs/stage fs/tree fs/revert fs/manifest fs/sharing
SEES.fs/catalogue := burner/base burner/format burner fs/iso fs/history fs/sqlite fs/stage
SEES.fs/salvage := burner/base burner/format burner fs/iso fs/stage fs/tree fs/commit
SEES.fs/check := burner/base burner/format burner fs/iso
SEES.fs/kit := burner/base fs/tree
SEES.fs/fuse := burner/base fs/tree fs/snapdir fs/commit
SEES.fs/control := burner/base burner/format fs/tree fs/commit
SEES.fs/daemon := burner/base burner fs/iso fs/stage fs/tree fs/commit fs/control
SEES.fs/show := burner/base burner fs/iso fs/history fs/control
SEES.fs/cmd := burner/base burner fs/iso fs/history fs/diff fs/restore fs/stage fs/catalogue fs/salvage fs/check fs/control fs/show
SEES.fs := $(ROOMS)
USES.burner/base := libcrypto
USES.burner/format := zlib libiso9660
USES.burner/parity := libisal
USES.burner/session := libiso9660
USES.burner/medium := libcdio libiso9660 libburn-1
USES.burner :=
USES.fs/iso := libiso9660
USES.fs/sharing := libcrypto
USES.fs/commit := libiso9660
USES.fs/catalogue := sqlite3
USES.fs/sqlite := sqlite3
USES.fs/stage := sqlite3
USES.fs/salvage := libarchive
USES.fs/fuse := fuse3
USES.fs/daemon := libsystemd
USES.fs := fuse3

define room_flags
$(B)/$(1)/%.o $(B)/$(1)/%.h.ok: ROOM_CFLAGS = $$(call ask,CFLAGS.$(1),--cflags $(USES.$(1)))
endef
$(foreach r,$(ROOMS) fs,$(if $(USES.$(r)),$(eval $(call room_flags,$(r)))))
# Of a room one file may see more than the others.
$(B)/tests/unit/%: ROOM_CFLAGS = $(CMOCKA_CFLAGS) $(CRYPTO_CFLAGS) $(CDIO_CFLAGS)
$(B)/tests/unit/fuse_%: ROOM_CFLAGS = $(CMOCKA_CFLAGS) $(FUSE_CFLAGS) $(CDIO_CFLAGS)
$(B)/tests/fuzz/%: ROOM_CFLAGS = $(SQLITE_CFLAGS) $(ZLIB_CFLAGS) $(CRYPTO_CFLAGS) $(CDIO_CFLAGS)
$(B)/tests/mount/logind%: ROOM_CFLAGS = $(BUS_CFLAGS)
$(B)/tests/power/%: ROOM_CFLAGS = $(CMOCKA_CFLAGS) -fPIC

# ---- What there is -------------------------------------------------------------------------------------------------
COMMANDS := sync umount info stage check copy log diff find restore catalogue
PROGRAMS := $(B)/cdappendfs $(COMMANDS:%=$(B)/cdappendfs-%)
READER := fs/kit/cdappendfs-read.py
# What shells offer behind each program.
TABLES := $(PROGRAMS:$(B)/%=$(B)/complete/%.table)
COMPLETIONS := $(B)/complete/cdappendfs $(B)/complete/_cdappendfs $(TABLES:.table=.fish)
archive = $(B)/rooms/lib$(subst /,-,$(1)).a
# As the linker wants them: who calls before who is called.
LIB := $(foreach r,$(ROOMS),$(call archive,$(r)))
LINK_LIB = $(call backwards,$(LIB))
backwards = $(if $(1),$(call backwards,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
room_src = $(sort $(filter-out $(COMMANDS:%=fs/cmd/%.c),$(wildcard $(1)/*.c)))
LIB_SRC := $(foreach r,$(ROOMS),$(call room_src,$(r)))
MAIN_SRC := $(sort $(wildcard fs/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/*_test.c))
UNIT_AUX := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/*.c))
FUZZ_AUX := $(filter-out %/replay.c,$(sort $(wildcard tests/fuzz/common/*.c)))
TARGET_SRC := $(sort $(wildcard tests/fuzz/targets/*.c))
MODEL_SRC := $(sort $(wildcard tests/model/*.c))
POWER_SRC := $(sort $(wildcard tests/power/*.c))
HELPER_SRC := $(sort $(wildcard tests/mount/*.c tests/bench/*.c tests/fault/*.c))
RECORDER_SRC := $(sort $(wildcard tests/burner/*.c))
PRELOAD_SRC := $(sort $(wildcard tests/preload/*.c))
HEADERS := $(sort $(wildcard include/cdappendfs/*.h fs/*.h fs/*/*.h burner/*.h burner/*/*.h))
MAN := $(sort $(wildcard fs/manual/*.[1-8]))

obj = $(patsubst %.c,$(B)/%.o,$(1))
UNIT := $(UNIT_SRC:tests/unit/%.c=$(B)/tests/%)
FUZZ := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/tests/fuzz_%)
POWER := $(B)/tests/power_cut $(B)/tests/power_record.so
REPLAYS := $(TARGET_SRC:tests/fuzz/targets/%.c=$(B)/tests/replay_%)
FUZZERS := $(TARGET_SRC:tests/fuzz/targets/%.c=$(B)/tests/libfuzzer_%)
MODEL := $(MODEL_SRC:tests/model/%.c=$(B)/tests/model_%)
HELPERS := $(foreach s,$(HELPER_SRC),$(B)/tests/$(basename $(notdir $(s)))) \
	$(B)/tests/recorder $(PRELOAD_SRC:%.c=$(B)/%.so)
ALL_SRC := $(LIB_SRC) $(MAIN_SRC) $(COMMANDS:%=fs/cmd/%.c) $(UNIT_SRC) $(UNIT_AUX) \
	$(FUZZ_SRC) $(FUZZ_AUX) tests/fuzz/common/replay.c $(TARGET_SRC) $(MODEL_SRC) \
	$(HELPER_SRC) $(RECORDER_SRC) $(POWER_SRC)

.PHONY: all programs completions tests fuzz fuzzers units helpers deps check demo bench soak fuzzing coverage \
	check-ports headers layers dist deb check-deb install uninstall clean help FORCE format lint

## all: the programs, in build/ (the default); header and layer check
all: programs completions headers layers

programs: $(PROGRAMS)
completions: $(COMPLETIONS)
## tests: the test programs, without running them
tests: all $(UNIT) fuzz $(MODEL) $(POWER) helpers
fuzz: $(FUZZ) $(REPLAYS)
fuzzers: $(FUZZERS)
units: $(UNIT)
helpers: $(HELPERS)

## deps: the Debian packages that building needs, where they are missing
deps:
	$(Q)tests/install-packages build

# ---- Compiling -----------------------------------------------------------------------------------------------------
# Everything is compiled again when the compiler or its options change.
$(B)/flags: FORCE
	@mkdir -p $(@D); printf '%s\n' '$(CC) $(ALL_CFLAGS) $(LDFLAGS)' | cmp -s - $@ || \
		printf '%s\n' '$(CC) $(ALL_CFLAGS) $(LDFLAGS)' >$@

$(B)/%.o: %.c $(B)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ROOM_CFLAGS) -MMD -MP -c -o $@ $<

## compile_commands.json: how each file is compiled, for editors and checkers; from what make would do
compile_commands.json: Makefile $(B)/flags $(ALL_SRC)
	$(call say,JSON,$@)
	$(Q)$(MAKE) --no-print-directory -Bn V=1 $(call obj,$(ALL_SRC)) | \
		sed -n 's/[\\"]/\\&/g; s|^.* -c -o [^ ]* \([^ ]*\)$$|{"directory": "$(CURDIR)", "file": "\1", "command": "&"}|p' | \
		sed '1s/^/[/; $$!s/$$/,/; $$s/$$/]/' >$@

# What a disc carries with -o kit, as C: the texts cannot be older than the sources.
MADE.fs/kit := $(B)/fs/kit/payload.o
KIT := 644 READ-ME.txt fs/kit/manual.txt 644 FORMAT.txt $(B)/fs/kit/format.txt 755 $(notdir $(READER)) $(READER)
$(B)/fs/kit/format.txt: fs/kit/format burner/SESSION.md $(wildcard burner/format/*.h)
	$(call say,TEXT,$@)
	@mkdir -p $(@D)
	$(Q)fs/kit/format >$@
$(B)/fs/kit/payload.c: fs/kit/pack fs/kit/manual.txt $(B)/fs/kit/format.txt $(READER)
	$(call say,PACK,$@)
	$(Q)fs/kit/pack $(KIT) >$@
$(B)/fs/kit/payload.o: $(B)/fs/kit/payload.c $(B)/flags
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The page of a disc, as C.
MADE.fs/show := $(B)/fs/show/page_html.o
$(B)/fs/show/page_html.c: fs/show/embed fs/show/page.html
	$(call say,PACK,$@)
	@mkdir -p $(@D)
	$(Q)fs/show/embed page_html fs/show/page.html >$@
$(B)/fs/show/page_html.o: $(B)/fs/show/page_html.c $(B)/flags
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Completions, from the help texts in the sources: no program is run.
help_of = $(if $(1:cdappendfs=),fs/cmd/$(1:cdappendfs-%=%).c,fs/daemon/help.c)
.SECONDEXPANSION:
$(TABLES): $(B)/complete/%.table: fs/system/complete/help fs/system/complete/table $$(call help_of,$$*)
	@mkdir -p $(@D)
	$(Q)fs/system/complete/help $(call help_of,$*) >$@.help
	$(Q)fs/system/complete/table <$@.help >$@
	@rm $@.help
$(B)/complete/cdappendfs: fs/system/complete/bash $(TABLES)
	$(call say,SHELL,$@)
	$(Q)$^ >$@
$(B)/complete/_cdappendfs: fs/system/complete/zsh $(TABLES)
	$(call say,SHELL,$@)
	$(Q)$^ >$@
$(TABLES:.table=.fish): %.fish: fs/system/complete/fish %.table
	$(call say,SHELL,$@)
	$(Q)$^ >$@

# Made anew, so that the object of a deleted file does not stay in it; also when a file was only deleted.
define room_archive
$(call archive,$(1)).of: FORCE
	@mkdir -p $$(@D); echo '$(call room_src,$(1))' | cmp -s - $$@ || echo '$(call room_src,$(1))' >$$@
$(call archive,$(1)): $(call obj,$(call room_src,$(1))) $(MADE.$(1)) $(call archive,$(1)).of
	$$(call say,AR,$$@)
	@mkdir -p $$(@D); rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$(filter %.o,$$^)
endef
$(foreach r,$(ROOMS),$(eval $(call room_archive,$(r))))

link = $(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(if $(filter %.a,$^),$(LINK_LIB))
$(B)/cdappendfs: $(call obj,$(MAIN_SRC)) $(LIB)
	$(call say,LD,$@)
	$(link) $(LIBS)
$(COMMANDS:%=$(B)/cdappendfs-%): $(B)/cdappendfs-%: $(B)/fs/cmd/%.o $(LIB)
	$(call say,LD,$@)
	$(link) $(LIBS)
$(UNIT): $(B)/tests/%: $(B)/tests/unit/%.o $(call obj,$(UNIT_AUX)) $(LIB)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(link) $(CMOCKA_LIBS) $(LIBS)
$(FUZZ): $(B)/tests/fuzz_%: $(B)/tests/fuzz/%.o $(call obj,$(FUZZ_AUX)) $(LIB)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(link) $(LIBS)
# Each target twice: for the files of the corpus, and (clang, SAN=fuzzer-no-link,…) for libFuzzer.
$(REPLAYS): $(B)/tests/replay_%: $(B)/tests/fuzz/targets/%.o $(call obj,tests/fuzz/common/replay.c $(FUZZ_AUX)) $(LIB)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(link) $(LIBS)
$(FUZZERS): $(B)/tests/libfuzzer_%: $(B)/tests/fuzz/targets/%.o $(call obj,$(FUZZ_AUX)) $(LIB)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(link) -fsanitize=fuzzer $(LIBS)
$(MODEL): $(B)/tests/model_%: $(B)/tests/model/%.o $(LIB)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(link) $(LIBS)
# Power cuts: the recorder is linked in, and may be preloaded into the daemon.
$(B)/tests/power_cut: $(call obj,$(POWER_SRC)) $(LIB)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(link) $(LIBS)
$(B)/tests/power_record.so: $(B)/tests/power/record.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -o $@ $^
# Preloaded into another program: never with a sanitizer.
$(PRELOAD_SRC:%.c=$(B)/%.so): $(B)/%.so: %.c $(B)/flags
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 -Wall -Wextra -I. -fPIC -shared -o $@ $(filter %.c,$^) -ldl
# Helpers of the shell tests stand alone: they look at the mount from outside.
define helper
$(B)/tests/$(basename $(notdir $(1))): $(B)/$(1:.c=.o)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(link) $$(HELPER_LIBS)
endef
# Started very often in guests, where linking at run time takes long.
$(B)/tests/limit $(B)/tests/noise: HELPER_LIBS = $(if $(SAN),,-static)
$(B)/tests/logind: HELPER_LIBS = $(call ask,BUS_LIBS,--libs libsystemd)
$(foreach s,$(HELPER_SRC),$(eval $(call helper,$(s))))
# The emulated drive of tests/burner: one program of many files.
$(B)/tests/recorder: $(call obj,$(RECORDER_SRC)) $(call archive,burner/base)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^

# ---- Walls ---------------------------------------------------------------------------------------------------------
## headers: every header compiles alone
headers: $(HEADERS:%=$(B)/%.ok)
$(B)/%.h.ok: %.h $(B)/flags
	$(call say,HEADER,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ROOM_CFLAGS) -MMD -MP -MF $(@:.ok=.d) -MT $@ -fsyntax-only -include $< -x c /dev/null
	@touch $@

## layers: no room includes or calls what it must not see
layers: $(B)/layers.ok $(ROOMS:%=$(B)/rooms/%.links)
$(B)/layers.ok: tests/layers Makefile $(ALL_SRC) $(HEADERS) $(LIB)
	$(call say,LAYERS,)
	$(Q)printf '%s\n' $(foreach r,$(ROOMS) fs,'$(r);$(SEES.$(r));$(USES.$(r))') | tests/layers $(B)
	@touch $@
# All of a room links with the rooms below it, and nothing else.
below = $(sort $(foreach r,$(SEES.$(1)),$(r) $(call below,$(r))))
define room_links
$(B)/rooms/$(1).links: $(call archive,$(1)) $(foreach r,$(call below,$(1)),$(call archive,$(r)))
	$$(call say,LINKS,$(1))
	@mkdir -p $$(@D)
	$$(Q)echo 'int main(void) { return 0; }' | $(CC) $$(ALL_LDFLAGS) -o $$@.out -x c - -x none \
		-Wl,--whole-archive $(call archive,$(1)) -Wl,--no-whole-archive \
		$(foreach r,$(call backwards,$(filter $(call below,$(1)),$(ROOMS))),$(call archive,$(r))) \
		$$(call ask,LIBS.$(1),--libs $(sort $(USES.$(1)) $(foreach r,$(call below,$(1)),$(USES.$(r)))))
	@rm -f $$@.out; touch $$@
endef
$(foreach r,$(ROOMS),$(eval $(call room_links,$(r))))

# ---- Running -------------------------------------------------------------------------------------------------------
## check: every test; installs the Debian packages that are missing; closes with "N passed, N failed, N skipped"
check:
	$(Q)tests/install-packages build tests
	$(Q)$(MAKE) --no-print-directory $(jobs) WERROR=1 tests
	$(Q)$(MAKE) --no-print-directory $(jobs) WERROR=1 SAN=address,undefined programs fuzz units
	$(Q)$(MAKE) --no-print-directory $(jobs) WERROR=1 SAN=thread units
	$(Q)CC='$(CC)' tests/run $(TESTS)

## format: the form of the code, by clang-format 14
format:
	$(Q)git ls-files '*.[ch]' | xargs clang-format -i
## lint: what clang-format, clang-tidy, cppcheck, shellcheck and pyflakes3 say; TOOLS="TOOL…" some of them
lint: compile_commands.json
	$(Q)tests/install-packages lint
	$(Q)tests/lint $(TOOLS)

## demo: what it does, on an image file, explained line by line
demo:
	$(Q)tests/install-packages build demo
	$(Q)$(MAKE) --no-print-directory $(jobs) all
	$(Q)tests/demo

## bench: ratios against other programs, as in tests/bench/RESULTS.md; BENCH_ONLY=PATTERN some, BENCH_SCALE=small quick
bench:
	$(Q)tests/install-packages build bench
	$(Q)tests/install-packages unionfs-fuse || echo 'bench: goes on without unionfs-fuse'
	$(Q)$(MAKE) --no-print-directory $(jobs) all helpers
	$(Q)tests/bench/bench.sh

## soak: random and crash tests with new seeds for SOAK_MINUTES (30)
soak:
	$(Q)tests/install-packages build tests
	$(Q)$(MAKE) --no-print-directory $(jobs) tests
	$(Q)$(MAKE) --no-print-directory $(jobs) SAN=address,undefined programs fuzz
	$(Q)tests/soak

## fuzzing: libFuzzer (clang) on every decoder for FUZZ_SECONDS (60) each; TARGETS=… some of them
fuzzing:
	$(Q)tests/install-packages build tests fuzzing
	$(Q)$(MAKE) --no-print-directory $(jobs) fuzz
	$(Q)$(MAKE) --no-print-directory $(jobs) CC=clang SAN=fuzzer-no-link,address,undefined fuzzers
	$(Q)tests/fuzz/campaign $(TARGETS)

## coverage: what the corpus covers, by file (clang, llvm-cov)
coverage:
	$(Q)tests/install-packages build tests fuzzing
	$(Q)$(MAKE) --no-print-directory $(jobs) CC=clang B=build-coverage \
		CFLAGS='-O1 -g -fprofile-instr-generate -fcoverage-mapping' fuzz
	$(Q)tests/fuzz/coverage

## check-ports: Debian 13, 32 bits, big-endian, below /var/tmp (as root, an hour or more); PORTS=… some of them
check-ports:
	$(Q)tests/install-packages ports
	$(Q)tests/ports $(PORTS)

# What is installed: MODE:SOURCE:PLACE.  In what is of fs/system @BINDIR@ and @LIBEXECDIR@ are replaced.
INSTALLED := $(foreach f,$(PROGRAMS) $(READER),755:$(f):$(BINDIR)/$(notdir $(f))) \
	$(foreach f,$(MAN),644:$(f):$(MANDIR)/man$(subst .,,$(suffix $(f)))/$(notdir $(f))) \
	644:$(B)/complete/cdappendfs:$(BASHDIR)/cdappendfs 644:$(B)/complete/_cdappendfs:$(ZSHDIR)/_cdappendfs \
	$(foreach f,$(TABLES:.table=.fish),644:$(f):$(FISHDIR)/$(notdir $(f))) \
	755:fs/system/cdappendfs-open:$(LIBEXECDIR)/cdappendfs-open \
	644:fs/system/cdappendfs-open.desktop:$(DATADIR)/applications/cdappendfs-open.desktop \
	644:fs/system/cdappendfs.metainfo.xml:$(DATADIR)/metainfo/org.cdappendfs.cdappendfs.metainfo.xml \
	644:fs/system/cdappendfs@.service:$(UNITDIR)/cdappendfs@.service \
	644:fs/system/90-cdappendfs.rules:$(DOCDIR)/examples/90-cdappendfs.rules \
	644:include/cdappendfs/control.h:$(INCLUDEDIR)/cdappendfs/control.h
# TARGET:PLACE
LINKS := $(BINDIR)/cdappendfs-umount:$(SBINDIR)/umount.fuse.cdappendfs \
	$(COMMANDS:%=cdappendfs:$(BASHDIR)/cdappendfs-%)

VERSION = $(call once,VERSION,sed -n 's/^.define CDAPPENDFS_VERSION "\(.*\)"/\1/p' include/cdappendfs/version.h)
## dist: the sources as build/cdappendfs-VERSION.tar.gz, the same bytes each time
dist:
	$(Q)mkdir -p $(B)
	$(Q)fs/system/dist $(B)/cdappendfs-$(VERSION).tar.gz
## deb: the Debian packages, in build/deb, from that archive and .debian
deb: dist
	$(Q)tests/install-packages build deb
	rm -rf $(B)/deb
	mkdir -p $(B)/deb
	cp $(B)/cdappendfs-$(VERSION).tar.gz $(B)/deb/cdappendfs_$(VERSION).orig.tar.gz
	tar -C $(B)/deb -xzf $(B)/cdappendfs-$(VERSION).tar.gz
	cp -a $(B)/deb/cdappendfs-$(VERSION)/.debian $(B)/deb/cdappendfs-$(VERSION)/debian
	cd $(B)/deb/cdappendfs-$(VERSION) && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc

## check-deb: the packages built, checked by lintian, installed, upgraded, purged in Debian 12 and 13 (as root, long)
check-deb:
	$(Q)tests/install-packages ports
	$(Q)tests/ports $(or $(PORTS),deb12 deb13)

## install: all of it below PREFIX; with PREFIX=/usr SBINDIR=/sbin, umount(8) finds its helper
install: programs completions
	$(Q)set -f; for what in $(INSTALLED); do \
		mode=$${what%%:*} source=$${what#*:} place=$(DESTDIR)$${what##*:}; source=$${source%:*}; \
		$(INSTALL) -D -m $$mode $$source $$place || exit; \
		case $$source in fs/system/*) \
			sed -i 's|@BINDIR@|$(BINDIR)|g; s|@LIBEXECDIR@|$(LIBEXECDIR)|g' $$place || exit;; esac; \
	done; for what in $(LINKS); do \
		$(INSTALL) -d $$(dirname $(DESTDIR)$${what##*:}) && ln -sfn $${what%%:*} $(DESTDIR)$${what##*:} || exit; done
## uninstall: removes what install put there
uninstall:
	$(Q)for what in $(INSTALLED) $(LINKS); do rm -f $(DESTDIR)$${what##*:} || exit; done

## clean: removes every build directory
clean:
	rm -rf build build-* compile_commands.json

## VARIABLES: with any: CC=… SAN=… (sanitizers) CHECKS=1 (asserts locks, invariants; SAN=… does) WERROR=1 V=1
## help: this list
help:
	@sed -n 's/^## \([^:]*\): /\1\t/p' $(MAKEFILE_LIST) | expand -t 24

-include $(patsubst %.c,$(B)/%.d,$(ALL_SRC)) $(HEADERS:%=$(B)/%.d)
