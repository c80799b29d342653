# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the programs share that cron runs on a host. It needs Python 3.9 and nothing else."""
