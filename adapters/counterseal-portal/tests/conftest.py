"""Fixtures of the portal's tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from page_checks import PageChecks
from portal_browser import PortalOfTests


@pytest.fixture
def portal():
    return PortalOfTests()


@pytest.fixture(scope="session")
def page_checks(axe):
    return PageChecks(axe)
