# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What checks, metrics and people read of all this, changing nothing."""
