"""Who acts is always named: no public callable of the core has a default for it."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import attrs
import pytest

import counterseal
from counterseal.models import OPERATOR

ACTORS = {"by", "origin", "administrator", "party", "device", "actor"}
"""Parameters that say who acts."""

EXCEPTIONS = {
    "counterseal.models.audit_log.AuditQuery(actor)": "who is searched for",
    "counterseal.challenges.records.Challenge(device)": "most questions are for all devices",
    "counterseal.challenges.records.Question(device)": "the same",
    "counterseal.challenges.records.Outcome(device)": "nobody answers what expires",
    "counterseal.models.events.AccountEvent(device)": "some events are about no device",
    "counterseal.models.events.LoggedEvent(device)": "the same",
}


def public_modules():
    yield counterseal
    for module in pkgutil.walk_packages(counterseal.__path__, "counterseal."):
        names = module.name.split(".")
        private = {"testing", "decisions"} & {*names} or any(name.startswith("_") for name in names)
        if not private:
            yield importlib.import_module(module.name)


def public_classes():
    """Each class that the package exports; it may stand beside decisions, which are private."""
    classes = [getattr(counterseal, name) for name in counterseal.__all__]
    return [exported for exported in classes if inspect.isclass(exported)]


def public_callables(namespace, prefix) -> Iterator[tuple[str, object]]:
    """Each public function, class and method that *namespace* defines, by its name."""
    for name, attribute in vars(namespace).items():
        if name.startswith("_"):
            continue
        member = getattr(attribute, "__func__", attribute)
        if inspect.isfunction(member):
            yield f"{prefix}.{name}", member
        elif inspect.isclass(member) and member.__module__ == prefix:
            yield f"{prefix}.{name}", member
            for method, function in public_callables(member, prefix):
                yield f"{prefix}.{name}{method.removeprefix(prefix)}", function


def defaults(name, called) -> list[str]:
    """The parameters of *called* that say who acts and may be left out."""
    try:
        parameters = inspect.signature(called).parameters.values()
    except ValueError:
        return []
    return [
        f"{name}({parameter.name})"
        for parameter in parameters
        if parameter.name in ACTORS and parameter.default is not parameter.empty
    ]


def found_in(namespace, prefix) -> list[str]:
    return [
        default
        for name, called in public_callables(namespace, prefix)
        for default in defaults(name, called)
    ]


def found_in_class(exported) -> list[str]:
    module = exported.__module__
    return found_in(type("namespace", (), {exported.__name__: exported}), module)


def test_nobody_acts_by_default():
    findings = {
        default for module in public_modules() for default in found_in(module, module.__name__)
    } | {default for exported in public_classes() for default in found_in_class(exported)}
    assert findings == set(EXCEPTIONS)


def test_the_use_cases_are_looked_at():
    names = {
        name for module in public_modules() for name, _ in public_callables(module, module.__name__)
    }
    assert any(name.endswith(".Administration.edit_origin") for name in names)
    assert any(name.endswith(".Accounts.lock") for name in names)
    assert any(name.endswith(".Administration") for name in names)


class Planted:
    class Method:
        def lock(self, account, *, by=OPERATOR): ...

    class Static:
        @staticmethod
        def lock(account, party=None): ...

    @attrs.frozen
    class Record:
        ports: object
        by: object = attrs.field(default=OPERATOR, kw_only=True)

    def function(account, actor="staff"):  # noqa: N805
        ...


@pytest.mark.parametrize(
    ("planted", "finding"),
    [
        ("Method", "Method.lock(by)"),
        ("Static", "Static.lock(party)"),
        ("Record", "Record(by)"),
        ("function", "function(actor)"),
    ],
)
def test_a_default_that_is_planted_is_found(planted, finding):
    namespace = type("namespace", (), {planted: vars(Planted)[planted]})
    assert found_in(namespace, __name__) == [f"{__name__}.{finding}"]


def test_exported_classes_of_private_modules_are_looked_at():
    private = {exported.__module__ for exported in public_classes()}
    assert any(".decisions" in name for name in private)
    planted = type(
        "Planted", (), {"lock": Planted.Method.lock, "__module__": "counterseal._planted"}
    )
    assert found_in_class(planted) == ["counterseal._planted.Planted.lock(by)"]


def test_administration_cannot_be_made_for_nobody(service):
    for kind in (counterseal.Administration, counterseal.Credentials):
        with pytest.raises(TypeError, match="by"):
            kind(service.ports, service.policy)
