# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What cron runs each minute on the host: figures of containers, disks and addresses, for Prometheus.

It needs Python 3.9, and the engine's socket.
"""
