# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the command stands on: docker, SQL, files, signals, and jobs that run one at a time with a record."""
