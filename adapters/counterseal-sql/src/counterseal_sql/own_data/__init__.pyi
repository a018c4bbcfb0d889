# Each public name, once: type checkers read this, and `counterseal._stub` at run time.

from .approval_request import USED as USED
from .approval_request import ApprovalRequest as ApprovalRequest
from .approval_request import write_question as write_question
from .async_requests import AsyncApprovalRequests as AsyncApprovalRequests
from .requests import ApprovalRequests as ApprovalRequests
from .service import ApprovalService as ApprovalService
from .service import LocalService as LocalService
from .steps import TransactionEnded as TransactionEnded
from .table import ApprovalTable as ApprovalTable
