"""
Approvals with the embedding program's own data, in its own database, by SQLAlchemy.

    table = ApprovalTable(Base.metadata)
    requests = ApprovalRequests(
        LocalService(ports, policy, party), sessions, table, on_approval=pay
    )

    with sessions.begin() as session:
        session.add(order)
        session.execute(requests.insert(question, key=order.id))
    requests.work()  # a worker, again and again

The program's commit writes a request beside its own data. A worker asks the person, and once the
approval is used, `on_approval` changes the program's own data in the transaction that records the
use. So the row tells whether that happened, and a worker may do again what it does not tell of.
"""

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
