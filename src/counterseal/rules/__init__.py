"""
The rules: pure functions that take facts.

Most raise one refusal or return nothing; conditions return a bool; a few compute a value.

No rule reads a clock, a store or entropy: the facts contain everything.
Where a field of the input does not fit, the refusal is InvalidField, which names it.
`counterseal.machines` lists the rules that guard each event, cheap ones first.

- `rules.standing`: deadlines, and whether account, binding, origin and identity may take part
- `rules.answering`: whether a device's call is proven, and what its answer must match
- `rules.evidence`: what session tokens and the signatures of new keys prove
- `rules.asking`: how often a person may be asked
- `rules.sizes`: what fits the policy
- `rules.retries`: when a callback or a push notification is tried again, and who is next
- `rules.addresses`: where a callback may go, and where a user may return to
- `rules.authorization`: who may administer what

Most modules import a rule from its module. A rule that few calls need is called as a name of this
package, by a decision that most others import: it is then loaded when it is first called.
"""

from counterseal._stub import public_names

_, __getattr__, __dir__ = public_names(__name__, __file__)
