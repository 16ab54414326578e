# SPDX-License-Identifier: Apache-2.0

# NVA_FLAG(VARIABLE, FLAG...)
# Appends each FLAG that the compiler and linker take to VARIABLE.
AC_DEFUN([NVA_FLAG],
  [for nva_flag in $2; do
     AC_MSG_CHECKING([whether $CC takes $nva_flag])
     nva_save_CFLAGS=$CFLAGS
     CFLAGS="$CFLAGS -Werror $nva_flag"
     AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
       [AC_MSG_RESULT([yes])
        $1="$$1 $nva_flag"],
       [AC_MSG_RESULT([no])])
     CFLAGS=$nva_save_CFLAGS
   done
   AC_SUBST([$1])])

# Releases of Open vSwitch with which all tests were run: README.md has the
# table, tests/lint/releases.py compares.
m4_define([NVA_OVS_TRIED], [3.1 3.7 4.0])

# NVA_OVS_DECLARES(FUNCTION, HEADER, IF-FIRST, FIRST, IF-SECOND, SECOND)
# Whether HEADER of Open vSwitch declares FUNCTION as FIRST or SECOND; neither
# is an error, as it would be when controller/ovs-compat.h is compiled.
AC_DEFUN([NVA_OVS_DECLARES],
  [AC_MSG_CHECKING([which $1() Open vSwitch has])
   AC_COMPILE_IFELSE([NVA_OVS_DECLARATION([$1], [$2], [$4])],
     [AC_MSG_RESULT([$4])
      $3],
     [AC_COMPILE_IFELSE([NVA_OVS_DECLARATION([$1], [$2], [$6])],
        [AC_MSG_RESULT([$6])
         $5],
        [AC_MSG_RESULT([unknown])
         AC_MSG_ERROR([the $1() of this Open vSwitch is unknown: see ]dnl
[controller/ovs-compat.h])])])])

# A second declaration compiles only if it is the same.  Open vSwitch has a
# config.h of its own, so confdefs.h is left out.
m4_define([NVA_OVS_DECLARATION],
  [AC_LANG_DEFINES_PROVIDED[]dnl
@%:@include <poll.h>
@%:@include "$2"
__typeof__($1) *nva_declared;
$3;
])

# NVA_CHECK_OVS
# Finds a built tree of Open vSwitch; sets OVS_DIR, OVS_CPPFLAGS, OVS_LIBS.
AC_DEFUN([NVA_CHECK_OVS],
  [AC_ARG_WITH([ovs],
     [AS_HELP_STRING([--with-ovs=DIR],
        [tree of Open vSwitch, built by utilities/build-ovs.sh (required)])],
     [], [with_ovs=no])
   AS_CASE([$with_ovs],
     [yes|no], [AC_MSG_ERROR([say --with-ovs=DIR; utilities/build-ovs.sh ]dnl
[builds a tree and prints DIR])])
   OVS_DIR=`cd "$with_ovs" 2>/dev/null && pwd`
   AC_MSG_CHECKING([for a built Open vSwitch in $with_ovs])
   AS_IF([test -r "$OVS_DIR/config.h" && \
          test -r "$OVS_DIR/lib/libopenvswitch-nva.a"],
     [AC_MSG_RESULT([yes])],
     [AC_MSG_RESULT([no])
      AC_MSG_ERROR([$with_ovs lacks config.h or lib/libopenvswitch-nva.a])])
   AC_SUBST([OVS_DIR])
   # The headers of Open vSwitch are right only after its own config.h.  They
   # are system headers here: their warnings are not ours.
   OVS_CPPFLAGS="-include $OVS_DIR/config.h -isystem $OVS_DIR/include"
   OVS_CPPFLAGS="$OVS_CPPFLAGS -isystem $OVS_DIR/lib -isystem $OVS_DIR"
   nva_save_CPPFLAGS=$CPPFLAGS
   CPPFLAGS="$CPPFLAGS $OVS_CPPFLAGS"
   NVA_OVS_DECLARES([daemonize_start], [daemon.h],
     [OVS_CPPFLAGS="$OVS_CPPFLAGS -DNVA_DAEMONIZE_START_HARDWARE"],
     [void daemonize_start(bool, bool)],
     [], [void daemonize_start(bool)])
   NVA_OVS_DECLARES([time_poll], [timeval.h],
     [OVS_CPPFLAGS="$OVS_CPPFLAGS -DNVA_TIME_POLL_HANDLES"],
     [int time_poll(struct pollfd *, int, HANDLE *, long long int, int *)],
     [], [int time_poll(struct pollfd *, int, long long int, int *)])
   CPPFLAGS=$nva_save_CPPFLAGS
   AC_SUBST([OVS_CPPFLAGS])
   AC_SUBST([OVS_LIBS],
     ["$OVS_DIR/lib/libopenvswitch-nva.a -lpthread -lm"])
   AC_MSG_CHECKING([whether this Open vSwitch was tried])
   nva_ovs=`sed -n 's/^@%:@define PACKAGE_VERSION "\(.*\)"/\1/p' \
            "$OVS_DIR/config.h"`
   nva_series=`expr "$nva_ovs" : '\(@<:@0-9@:>@*\.@<:@0-9@:>@*\)'`
   AS_CASE([" NVA_OVS_TRIED "],
     [*" $nva_series "*], [AC_MSG_RESULT([yes, $nva_ovs])],
     [AC_MSG_RESULT([no])
      AC_MSG_WARN([Open vSwitch $nva_ovs was not tried: run "make check"; ]dnl
[README.md names the releases that were])])])

# NVA_BUILD_KIND
# --enable-sanitizers, --enable-fuzzer, --enable-coverage: what the objects
# are for.  Sets KIND_CFLAGS and, for fuzz targets, FUZZ_LDFLAGS.
AC_DEFUN([NVA_BUILD_KIND],
  [AC_ARG_ENABLE([sanitizers],
     [AS_HELP_STRING([--enable-sanitizers],
        [find bad memory use, leaks and undefined behaviour as tests run])],
     [], [enable_sanitizers=no])
   AC_ARG_ENABLE([fuzzer],
     [AS_HELP_STRING([--enable-fuzzer],
        [link the fuzz targets with libFuzzer (needs CC=clang)])],
     [], [enable_fuzzer=no])
   AC_ARG_ENABLE([coverage],
     [AS_HELP_STRING([--enable-coverage], [count executed lines (gcov)])],
     [], [enable_coverage=no])
   nva_kind=
   nva_san="-fno-sanitize-recover=undefined -fno-omit-frame-pointer"
   AS_IF([test "$enable_sanitizers" = yes],
     [nva_kind="$nva_kind sanitizers"
      KIND_CFLAGS="$KIND_CFLAGS -fsanitize=address,undefined $nva_san"])
   AS_IF([test "$enable_fuzzer" = yes],
     [nva_kind="$nva_kind fuzzer"
      KIND_CFLAGS="$KIND_CFLAGS -fsanitize=fuzzer-no-link"
      FUZZ_LDFLAGS="-fsanitize=fuzzer"])
   AS_IF([test "$enable_coverage" = yes],
     [nva_kind="$nva_kind coverage"
      KIND_CFLAGS="$KIND_CFLAGS --coverage -O0"])
   AS_IF([test -n "$KIND_CFLAGS"],
     [nva_save_CFLAGS=$CFLAGS
      CFLAGS="$CFLAGS $KIND_CFLAGS"
      AC_MSG_CHECKING([whether $CC takes $KIND_CFLAGS])
      AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
        [AC_MSG_RESULT([yes])],
        [AC_MSG_RESULT([no])
         AC_MSG_ERROR([$CC cannot build with$nva_kind])])
      CFLAGS=$nva_save_CFLAGS])
   nva_kind=${nva_kind:- plain}
   nva_kind=${nva_kind# }
   AC_SUBST([KIND_CFLAGS])
   AC_SUBST([FUZZ_LDFLAGS])
   AM_CONDITIONAL([FUZZER], [test "$enable_fuzzer" = yes])])

# NVA_WARNINGS
# Those of Open vSwitch that fit, and --enable-Werror.
AC_DEFUN([NVA_WARNINGS],
  [AC_ARG_ENABLE([Werror],
     [AS_HELP_STRING([--enable-Werror], [make warnings errors])],
     [], [enable_Werror=no])
   NVA_FLAG([WARN_CFLAGS],
     [-Wall -Wextra -Wno-sign-compare -Wpointer-arith -Wformat \
      -Wformat-security -Wunused-parameter \
      -Wbad-function-cast -Wcast-align -Wstrict-prototypes \
      -Wold-style-definition -Wmissing-prototypes \
      -Wmissing-field-initializers -fno-strict-aliasing -Wswitch-bool \
      -Wlogical-not-parentheses -Wsizeof-array-argument \
      -Wshift-negative-value -Wduplicated-cond -Wshadow \
      -Wmultistatement-macros -Wvla])
   nva_warnings=warnings
   AS_IF([test "$enable_Werror" = yes],
     [nva_warnings=errors
      WARN_CFLAGS="$WARN_CFLAGS -Werror"])])

# NVA_HARDENING
# nvad reads what guests write: what the compiler can do against our own
# mistakes is always on.
AC_DEFUN([NVA_HARDENING],
  [AS_CASE([$KIND_CFLAGS],
     [''], [HARDEN_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
   AC_SUBST([HARDEN_CPPFLAGS])
   NVA_FLAG([HARDEN_CFLAGS], [-fstack-protector-strong \
     -fstack-clash-protection -fPIE])
   NVA_FLAG([HARDEN_LDFLAGS], [-pie -Wl,-z,relro -Wl,-z,now])])
