"""
The rules: one pure function each, that takes facts, returns nothing, and raises one refusal.

Nothing here reads a clock, a store or luck: facts hold all of it.
`counterseal.machines` names for each event the rules that guard it, cheap ones first.

- `rules.standing`: deadlines, and whether account, binding, origin and identity may take part
- `rules.evidence`: what tokens and signatures prove
- `rules.answering`: whether an answer answers this challenge
- `rules.asking`: how often a person may be asked
- `rules.sizes`: what fits the policy
- `rules.retries`: when a callback or a push notification is tried again, and who is next
- `rules.addresses`: where a callback may go, and where a user may return to
- `rules.authorization`: who may administer what
"""
