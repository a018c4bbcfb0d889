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

from __future__ import annotations

from counterseal_sql.own_data.approval_request import USED, ApprovalRequest, write_question
from counterseal_sql.own_data.async_requests import AsyncApprovalRequests
from counterseal_sql.own_data.requests import ApprovalRequests
from counterseal_sql.own_data.service import ApprovalService, LocalService
from counterseal_sql.own_data.table import ApprovalTable

__all__ = [
    "USED",
    "ApprovalRequest",
    "ApprovalRequests",
    "ApprovalService",
    "ApprovalTable",
    "AsyncApprovalRequests",
    "LocalService",
    "write_question",
]
