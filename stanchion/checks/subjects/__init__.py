"""One file per subject; importing this folder's modules fills the catalogue."""
