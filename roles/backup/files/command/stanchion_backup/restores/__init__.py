# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restores that somebody asked for: beside the database, in its place, on another host."""
