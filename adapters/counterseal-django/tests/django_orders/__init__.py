"""An app with orders of its own, which it pays after an approval."""
