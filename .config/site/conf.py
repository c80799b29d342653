"""The documentation as a site with search: `make site`. It is read from a copy of what git knows."""

project = "Stanchion"
html_title = project
html_theme = "furo"
html_show_copyright = False
# Nothing of it is anybody's secret, and nobody needs the sources twice.
html_copy_source = False
extensions = ["myst_parser"]
root_doc = "index"
exclude_patterns = [".config", ".github"]
# Links lead to headings as GitHub names them.
myst_heading_anchors = 6
