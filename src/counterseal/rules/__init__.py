"""
The rules: one pure function each, that takes facts, returns nothing, and raises one refusal.

Nothing here reads a clock, a store or luck: facts hold all of it.
`counterseal.machines` names for each event the rules that guard it, cheap ones first.

- `rules.timing`: deadlines and the freshness of proofs
- `rules.standing`: whether account, binding, origin and identity may take part
- `rules.evidence`: what tokens and signatures prove
- `rules.answering`: whether an answer answers this challenge
- `rules.asking`: how often a person may be asked
- `rules.sizes`: what fits the policy
- `rules.delivery`: when a callback is tried again, and when it is dead
- `rules.ringing`: whom a bell is rung for again, and when no more
- `rules.turns`: who is attempted next
- `rules.addresses`: where a callback may go
- `rules.administering`: who may administer what
"""
