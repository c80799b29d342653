# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is in the repositories, and which moments they can bring back: pgBackRest and its WAL."""
