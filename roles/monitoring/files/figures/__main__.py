# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The start of the archive that the role puts on the host."""

import sys

from stanchion_figures.__main__ import main

sys.exit(main(sys.argv[1:]))
