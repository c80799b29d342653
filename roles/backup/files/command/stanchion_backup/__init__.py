# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs on a host without a controller: backups, their proof, restores.

It needs Python 3.9 and the docker command.
"""
