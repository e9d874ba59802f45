#!/usr/bin/env python3
# Given with the project as shared data; kept as it came, but for these two lines. It makes the sample day of `bst demo`
# and the event streams of the end-to-end tests, each with the bookings that must come out of it.
"""A stream of ingest deliveries with the bookings that must come out of it.

Writes OUT/deliveries.jsonl, one HTTP attempt a line: {"idempotencyKey", "body"} in the order of sending, with retries of
the same event (same key, same body), arrival out of event-time order, and several events of a booking in one second.
Writes OUT/expected.jsonl, one booking a line, as a correct system shows it after everything is processed.
The rules are those of design/semantics.md. Tour days lie far in the future, so today's date plays no part.
Same arguments, same bytes. Standard library only.
"""
import argparse, json, os, random
from datetime import date, datetime, timedelta, timezone

SOURCES = ["DIRECT"] * 5 + ["GYG"] * 3 + ["VIATOR"] * 3 + ["BOKUN", "TRIPDOTCOM", "MANUAL"]
NAMES = ["Annika Brandstätter", "José Núñez", "王小明", "O'Brien, Máire", "KADEK SURYA", "Nguyễn Thị Hà", "Zoë van der Berg", "李秀英"]
PLACEHOLDER_NAMES = ["Guest", "Unknown", "N/A", "customer", "-", "Cancelled"]
PLACEHOLDER_MAILS = ["no-email@unknown.com", "test@test.com", "cancelled@getyourguide.com", "no-email@viator.com", "n/a"]
PLACEHOLDER_PHONES = ["0000000000", "-", "123"]
PICKUPS = ["Kuta", "Alaya Resort Ubud", "Seminyak, Jl. Kayu Aya 12", "Sanur Beach"]


def iso(t, rng):
    """The same instant in one of the spellings that producers use."""
    form = rng.randrange(3)
    if form == 0:
        return t.strftime("%Y-%m-%dT%H:%M:%S.") + f"{t.microsecond // 1000:03d}Z"
    local = t.astimezone(timezone(timedelta(hours=8 if form == 1 else -7)))
    return local.isoformat(timespec="milliseconds")


def relay(source, rng):
    if source == "GYG":
        return "customer-" + "".join(rng.choices("abcdefghij0123456789", k=16)) + "@reply.getyourguide.com"
    return "S-" + "".join(rng.choices("0123456789abcdef", k=32)) + "@expmessaging.tripadvisor.com"


def contact(source, rng):
    out = {}
    if rng.random() < .9:
        out["name"] = rng.choice(PLACEHOLDER_NAMES) if rng.random() < .25 else rng.choice(NAMES) + f" {rng.randrange(10**6)}"
    if rng.random() < .9:
        r = rng.random()
        out["email"] = (rng.choice(PLACEHOLDER_MAILS) if r < .25 else relay(source, rng) if r < .45 and source in ("GYG", "VIATOR")
                        else f"guest{rng.randrange(10**9)}@mail.example.org")
    if rng.random() < .7:
        out["phone"] = rng.choice(PLACEHOLDER_PHONES) if rng.random() < .2 else f"+62812{rng.randrange(10**8):08d}"
    return out


def name_rank(v): return 1 if v.strip().casefold() in {"", "guest", "customer", "unknown", "cancelled", "n/a", "na", "-", "test"} else 3


def mail_rank(v):
    v = v.strip().casefold()
    if v in {"", "-", "n/a", "na", "unknown", "test@test.com"} or "@" not in v or v.startswith(("no-email@", "cancelled@")) or v.endswith("@example.com"):
        return 1
    return 2 if v.endswith(("@reply.getyourguide.com", "tripadvisor.com")) else 3


def phone_rank(v):
    d = [c for c in v if c.isdigit()]
    return 1 if not 8 <= len(d) <= 15 or len(set(d)) == 1 else 3


OPS = {"tourDate", "tourTime", "adult", "child", "pickupLocation", "meetingPoint", "name", "email", "phone"}


def fold(events):
    reg, created, cancel, pay = {}, {}, False, {}
    for e in events:
        t, b = e["t"], e["body"]
        facts = dict(b["booking"])
        if "totalPrice" in facts:
            facts["money"] = (facts.pop("currency"), f"{facts.pop('totalPrice'):.2f}")
        facts.update(b["customer"])
        for k, v in facts.items():
            rank = {"name": name_rank, "email": mail_rank, "phone": phone_rank}.get(k, lambda _: 0)(v)
            if k not in reg or (rank, t) > reg[k][0]:
                reg[k] = ((rank, t), v, b["eventType"])
            if b["eventType"] == "CREATED":
                created.setdefault(k, v)
        cancel |= b["eventType"] == "CANCELLED"
        p = b["raw"]["providerPayload"]
        if "paymentRef" in p:
            kind = {"COMPLETED": "captured", "PENDING": "pending", "DECLINED": "failed", "REFUNDED": "refunded", "REVERSED": "reversed"}[p["paymentStatus"]]
            pay[(kind, p["paymentRef"])] = (t, p["capturedAmount"])
    has_created = any(e["body"]["eventType"] == "CREATED" for e in events)
    changed = has_created and any(k in OPS and typ == "UPDATED" and created.get(k) != v for k, (_, v, typ) in reg.items())
    cap = sum(a for (k, _), (_, a) in pay.items() if k == "captured")
    back = sum(a for (k, _), (_, a) in pay.items() if k in ("refunded", "reversed"))
    late = sorted((t, k) for (k, _), (t, _) in pay.items() if k in ("pending", "failed"))
    status = ("REFUNDED" if cap > 0 and back >= cap else "PAID" if cap > 0
              else {"pending": "PENDING_PAYMENT", "failed": "FAILED"}[late[-1][1]] if late else "PENDING_PAYMENT")
    g = lambda k: reg[k][1] if k in reg else None
    return dict(tourDate=g("tourDate"), tourTime=g("tourTime"), adult=g("adult"), child=g("child"), currency=g("money")[0], totalPrice=g("money")[1],
                note=g("note"), meetingPoint=g("meetingPoint"), pickupLocation=g("pickupLocation"), mainName=g("name"), mainEmail=g("email"), phone=g("phone"),
                customerPaymentStatus=status, opsFulfillmentStatus="CANCELLED" if cancel else "UPDATED" if changed else "NEW")


def make_booking(i, seed, rng):
    source = rng.choice(SOURCES)
    ref = {"DIRECT": "WEB-", "GYG": "GYG", "VIATOR": "BR-", "BOKUN": "BAL-T", "TRIPDOTCOM": "3", "MANUAL": "M-"}[source] + f"{seed:04d}{i:07d}"
    t = datetime(2026, 3, 1, tzinfo=timezone.utc) + timedelta(seconds=rng.randrange(86400 * 60), milliseconds=rng.randrange(1000))
    cur = rng.choice(["USD", "USD", "EUR", "AUD", "IDR"])
    price = rng.randrange(2, 60) * 100000 if cur == "IDR" else rng.randrange(20, 900) + rng.choice([0, .5, .25])
    full = dict(tourDate=(date(2031, 1, 1) + timedelta(days=rng.randrange(700))).isoformat(), tourTime=f"{rng.randrange(24):02d}:{rng.choice(['00', '30'])}",
                adult=rng.randrange(1, 7), child=rng.randrange(0, 3), currency=cur, totalPrice=price, pickupLocation=rng.choice(PICKUPS), meetingPoint="Hotel Lobby", note=f"n{i}")
    events, seq = [], 0

    def emit(kind, customer, booking, provider):
        nonlocal t, seq
        seq += 1
        spelled = f" {ref.lower()} " if rng.random() < .1 else ref
        body = dict(payloadVersion="v1", eventType=kind, eventTime=iso(t, rng), source=source, externalBookingRef=spelled, customer=customer, booking=booking, raw={"providerPayload": provider})
        events.append(dict(t=t, key=f"{source.lower()}:{ref}:{seq}", body=body))
        t = t + (timedelta(milliseconds=rng.randrange(1, 400)) if rng.random() < .15 else timedelta(seconds=rng.randrange(1, 86400), milliseconds=rng.randrange(1000)))

    emit("CREATED", contact(source, rng), full, {"origin": "shop.store", "bookingId": i})
    if source == "DIRECT":
        for n in range(rng.choice([0, 1, 1, 1, 2])):
            st = rng.choice(["COMPLETED", "COMPLETED", "COMPLETED", "PENDING", "DECLINED"])
            emit("UPDATED", {}, {}, {"origin": "shop.capture", "orderId": f"O{i}", "paymentRef": f"P{seed}-{i}-{n}", "paymentStatus": st, "capturedAmount": price, "currency": cur})
        if rng.random() < .15:
            emit("UPDATED", {}, {}, {"origin": "shop.refund", "orderId": f"O{i}", "paymentRef": f"R{seed}-{i}", "paymentStatus": rng.choice(["REFUNDED", "REVERSED"]),
                                     "capturedAmount": price if rng.random() < .6 else round(price / 4, 2), "currency": cur})
    for n in range(rng.choice([0, 0, 1, 1, 2, 4])):
        part = {k: full[k] for k in ()}
        for k in rng.sample(["tourDate", "tourTime", "adult", "child", "pickupLocation", "note", "money"], rng.randrange(1, 4)):
            if k == "money":
                part.update(currency=cur, totalPrice=price + rng.randrange(1, 50))
            else:
                part[k] = {"tourDate": (date(2031, 1, 1) + timedelta(days=rng.randrange(700))).isoformat(), "tourTime": f"{rng.randrange(24):02d}:15", "adult": rng.randrange(1, 7),
                           "child": rng.randrange(0, 3), "pickupLocation": rng.choice(PICKUPS), "note": f"n{i}.{n}"}[k]
        emit("UPDATED", contact(source, rng) if rng.random() < .5 else {}, part, {"origin": "channel.update"})
    if rng.random() < .12:
        emit("CANCELLED", {}, {}, {"origin": "channel.cancel"})
        if rng.random() < .3:
            emit("UPDATED", {}, {"note": f"late {i}"}, {"origin": "channel.update"})
    return source, ref, events


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--bookings", type=int, default=500)
    p.add_argument("--duplicates", type=float, default=.3, help="share of events that are sent again (1 to 3 times)")
    p.add_argument("--disorder", type=float, default=.3, help="0 = event-time order, 1 = any order")
    p.add_argument("--out", required=True)
    a = p.parse_args()
    rng = random.Random(f"{a.seed}/{a.bookings}")
    os.makedirs(a.out, exist_ok=True)
    sends, n_events = [], 0
    with open(os.path.join(a.out, "expected.jsonl"), "w", encoding="utf-8") as f:
        for i in range(a.bookings):
            source, ref, events = make_booking(i, a.seed, rng)
            n_events += len(events)
            f.write(json.dumps(dict(channelCode=source, externalBookingRef=ref, **fold(events)), ensure_ascii=False, sort_keys=True) + "\n")
            for e in events:
                for _ in range(1 + (rng.randrange(1, 4) if rng.random() < a.duplicates else 0)):
                    when = e["t"].timestamp() + rng.random() * 60 + (rng.random() * 86400 * 60 if rng.random() < a.disorder else 0)
                    sends.append((when, len(sends), e["key"], e["body"]))
    sends.sort()
    with open(os.path.join(a.out, "deliveries.jsonl"), "w", encoding="utf-8") as f:
        for _, _, key, body in sends:
            f.write(json.dumps(dict(idempotencyKey=key, body=body), ensure_ascii=False) + "\n")
    print(f"{a.bookings} bookings, {n_events} events, {len(sends)} deliveries -> {a.out}")


if __name__ == "__main__":
    main()
