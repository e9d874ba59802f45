"""How the two statuses of a booking may follow one another.

Both are functions of facts (semantics 4 and 5), so these tables decide nothing: they say what the functions can do when facts
are added, and the property tests and the simulator hold them to it. Not in the tables: an admin's reinstatement, which lifts
a terminal status, and a back-filled header's word (DRAFT and the like), which any real payment fact replaces.
"""

from bst_domain.lifecycles._lifecycle import Lifecycle
from bst_domain.values import FulfilmentStatus, PaymentStatus

_P = PaymentStatus
#: PAID is left only by returns; FAILED and PENDING_PAYMENT are the latest attempt's and follow one another freely.
PAYMENT = Lifecycle(
    title="customer payment status",
    starts=frozenset(PaymentStatus),
    transitions={
        _P.DRAFT: frozenset({_P.PENDING_PAYMENT, _P.FAILED, _P.PAID, _P.REFUNDED}),
        _P.PENDING_PAYMENT: frozenset({_P.FAILED, _P.PAID, _P.REFUNDED}),
        _P.FAILED: frozenset({_P.PENDING_PAYMENT, _P.PAID, _P.REFUNDED}),
        _P.PAID: frozenset({_P.REFUNDED}),
        _P.REFUNDED: frozenset({_P.PAID}),  # paid once more
    },
)

_F = FulfilmentStatus
_TERMINAL = frozenset({_F.CANCELLED, _F.NO_SHOW})
#: Everything but a terminal status is computed anew each time; of two terminal facts the earlier wins, whenever it comes in.
FULFILMENT = Lifecycle(
    title="fulfilment status",
    starts=frozenset(FulfilmentStatus),
    transitions={
        **{status: frozenset(FulfilmentStatus) - {status} for status in FulfilmentStatus if status not in _TERMINAL},
        _F.CANCELLED: frozenset({_F.NO_SHOW}),
        _F.NO_SHOW: frozenset({_F.CANCELLED}),
    },
)
