"""
Everything a release consists of, built from one commit.

`nox -s release` runs these modules; `.github/RELEASING.md` says what a maintainer does.
"""
