#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# adversary.t - one user does at random what he can to the mounts of another and of root, while these work; under a
# kernel of its own.  ADVERSARY_ROUNDS, ADVERSARY_SEED: how many rounds, and of which kind
. "$(dirname "$0")/../lib.sh"
need_apart
rounds=${ADVERSARY_ROUNDS:-6} seed=${ADVERSARY_SEED:-1}
patience $((300 + rounds * 60))
relay "seed $seed" apart -t $((240 + rounds * 60)) -e "ROUNDS=$rounds" -e "SEED=$seed" \
	bash "$TOP/tests/fault/adversary-guest"
done_testing
