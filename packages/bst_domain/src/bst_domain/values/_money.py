"""Money: an amount in one currency. Amounts of different currencies are never added.

Currencies and their minor units: ISO 4217 active codes, but for IDR, whose cents nobody has used for decades and no
provider takes (messy-data facts 5.4).
"""

from collections.abc import Iterable
from decimal import Decimal

from attrs import frozen

_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY "
    "COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
    "ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR "
    "MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK "
    "SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST "
    "XCD XCG YER ZAR ZMW ZWG"
)
_NONE = "BIF CLP DJF GNF IDR ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"

#: Currency code -> digits after the decimal point that an amount on the wire may have.
MINOR_UNITS: dict[str, int] = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_NONE.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
}

#: Amounts are below this: numeric(12,2) holds them.
AMOUNT_LIMIT = Decimal(10) ** 10
CENT = Decimal("0.01")
_SMALLEST = (Decimal(1), Decimal("0.1"), CENT)


@frozen(order=False)
class Money:
    """An amount (two decimals) in a currency (ISO 4217 alpha code)."""

    currency: str
    amount: Decimal

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def __add__(self, other: "Money") -> "Money":
        """The sum in the one currency that both have. Raises MixedCurrencies otherwise: no rate is known here."""
        if other.currency != self.currency:
            raise MixedCurrencies(self.currency, other.currency)
        return Money(self.currency, self.amount + other.amount)


class MixedCurrencies(TypeError):
    """Two currencies were about to be added: a bug in the caller, which must keep a sum a currency."""


def sum_by_currency(amounts: Iterable[Money]) -> dict[str, Money]:
    """Currency -> the sum of what was given in it, in the order in which the currencies first appear."""
    sums: dict[str, Money] = {}
    for amount in amounts:
        known = sums.get(amount.currency)
        sums[amount.currency] = amount if known is None else known + amount
    return sums


def money_problem(currency: str, amount: Decimal) -> str | None:
    """What keeps this from being money on the wire, as a sentence, or None."""
    digits = MINOR_UNITS.get(currency)
    if digits is None:
        return f"{currency!r} is not an ISO 4217 currency"
    if not 0 <= amount < AMOUNT_LIMIT:
        return "an amount is at least 0 and below 10000000000"
    allowed = min(digits, 2)
    if amount != amount.quantize(_SMALLEST[allowed]):
        return f"an amount in {currency} has at most {allowed} decimals"
    return None


def money(currency: str, amount: Decimal) -> Money:
    """Money with its two decimals; the amount must have passed ``money_problem``."""
    return Money(currency, amount.quantize(CENT))
