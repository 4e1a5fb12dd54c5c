"""What the files of docs/sql must answer, reckoned in plain Python from the sandbox's truth, without any SQL.

A `Month` has a first day, the day after its last one, and the date that a sale is booked by: its own or its decision's.
"""

import collections
import decimal

Month = collections.namedtuple("Month", "first, end, date")
NO_SALES = decimal.Decimal(0)


def money(value):
    return None if value is None else decimal.Decimal(str(value))


def amount(row, column):
    return money((row.get(column) or {}).get("amount"))


def sum_of(values):
    """As SQL adds up: without nulls, and null if nothing else is there."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def group(rows, key):
    groups = collections.defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups.items()


class Truth:
    """The sandbox's tables, by name, with the side of the account on each transaction."""

    def __init__(self, answers):
        self.answers = answers
        sides = {row["accountId"]: row["accountType"] for row in answers["accounts"]}
        self.sales = {f"{sides[row['accountId']]}|{row['accountId']}|{row['id']}": row for row in answers["transactions"]}
        self.sides = sides

    def of(self, side):
        return {row_id: row for row_id, row in self.sales.items() if self.sides[row["accountId"]] == side}

    def names(self, stream):
        return {(row["accountId"], row["id"]): row["name"] for row in self.answers[stream]}


def day(row, column):
    return row[column][:10] if row.get(column) else None


def owed(row):
    return amount(row, "commissionAmount") + (amount(row, "networkFee") or 0)


def currency(row):
    return row["commissionAmount"]["currency"]


def booked(truth, month):
    """The sales that count in a month: row id to row."""
    def counts(row):
        date = day(row, month.date)
        return row["commissionStatus"] == "approved" and date is not None and month.first <= date < month.end
    return {row_id: row for row_id, row in truth.of("advertiser").items() if counts(row)}


def owed_of_the_month(truth, month):
    for key, rows in group(booked(truth, month).values(), lambda row: (row["accountId"], row["publisherId"], currency(row))):
        fees = [amount(row, "networkFee") for row in rows]
        commission = sum_of(amount(row, "commissionAmount") for row in rows)
        yield *key, len(rows), commission, sum_of(fees), sum(map(owed, rows)), fees.count(None)


def earned(truth, month):
    names = truth.names("programmes")
    rows = [row for row in truth.of("publisher").values() if month.first <= day(row, "transactionDate") < month.end]
    for (account, advertiser, unit), sales in group(rows, lambda row: (row["accountId"], row["advertiserId"], currency(row))):
        def total(status, sales=sales):
            return sum_of(amount(row, "commissionAmount") for row in sales if row["commissionStatus"] == status)
        declined = sum(row["commissionStatus"] == "declined" for row in sales)
        yield account, advertiser, names.get((account, advertiser)), unit, total("approved"), total("pending"), declined


def changed_since_close(closed, truth, month, without=()):
    """`closed`: what was booked, row id to amount. `without`: ids of rows that the table lacks."""
    now = {row_id: owed(row) for row_id, row in booked(truth, month).items() if row_id not in without}
    for row_id in closed.keys() | now.keys():
        before, after = closed.get(row_id), now.get(row_id)
        if before != after:
            row = truth.sales[row_id]
            difference = (after or NO_SALES) - (before or NO_SALES)
            state = (None, None) if row_id in without else (row["commissionStatus"], day(row, "validationDate"))
            yield row_id, row["accountId"], row["publisherId"], currency(row), before, after, difference, *state


def changed_since(before, truth):
    for row_id, row in truth.sales.items():
        if before.sales.get(row_id) != row:
            dates = day(row, "transactionDate"), day(row, "validationDate")
            amounts = amount(row, "commissionAmount"), amount(row, "networkFee")
            yield row_id, row["commissionStatus"], *dates, currency(row), *amounts


def partner_names(truth):
    names = truth.names("publishers")
    latest = {}
    for row in sorted(truth.answers["stats_by_publisher"], key=lambda row: row["date"]):
        latest[row["accountId"], row["publisherId"]] = row["publisherName"]
    for row_id, row in truth.of("advertiser").items():
        key = row["accountId"], row["publisherId"]
        yield row_id, row["publisherId"], names.get(key) or latest.get(key)


def day_of_sale(row):
    return row["accountId"], day(row, "transactionDate"), row["publisherId"], currency(row)


def day_of_report(row):
    return row["accountId"], row["date"], row["publisherId"], row["currency"]


def report_differs(truth, without=()):
    """`without`: ids of rows that the table of transactions lacks."""
    counted = [row for row_id, row in truth.of("advertiser").items()
               if row["commissionStatus"] in ("pending", "approved") and row_id not in without]  # fmt: skip
    sales = {key: (len(rows), sum_of(amount(row, "commissionAmount") for row in rows)) for key, rows in group(counted, day_of_sale)}
    report = {key: (sum(row["totalNo"] for row in rows), sum_of(money(row["totalComm"]) for row in rows))
              for key, rows in group(truth.answers["stats_by_publisher"], day_of_report)}  # fmt: skip
    for key in sales.keys() | report.keys():
        (count, commission), (count_there, commission_there) = sales.get(key, (None, None)), report.get(key, (None, None))
        apart = abs((commission or 0) - (commission_there or 0)) > decimal.Decimal("0.01")
        if (count or 0) != (count_there or 0) or apart:
            yield *key, count, count_there, commission, commission_there


def by_commission_group(truth):
    rates = {}
    for answered in truth.answers["commission_groups"]:
        for rate in answered["commissionGroups"]:
            rates[answered["accountId"], answered["advertiser"], rate["groupId"]] = rate["type"], money(rate.get("percentage"))
    parts = []
    for row in truth.of("publisher").values():
        if row["commissionStatus"] == "approved":
            for part in row["transactionParts"] or []:
                account, advertiser = row["accountId"], row["advertiserId"]
                rate = rates.get((account, advertiser, part["commissionGroupId"]), (None, None))
                parts.append(((account, advertiser, part["commissionGroupName"], *rate, currency(row)), part))
    for key, found in group(parts, lambda part: part[0]):
        yield *key, sum_of(money(part["amount"]) for _, part in found), sum_of(money(part["commissionAmount"]) for _, part in found)


def rate_of_sale(truth, raised=None):
    """`raised`: since that moment, the rates that had no end are higher by 1."""
    rates = collections.defaultdict(list)
    for period in truth.answers["commission_rates"]:
        start, end = period["ratesStart"], period.get("ratesEnd")
        for rate in period["commissionGroups"]:
            held = rates[period["accountId"], period["advertiser"], rate["groupId"]]
            values = money(rate.get("percentage")), money(rate.get("amount"))
            held.append((start, end or raised, rate["type"], *values))
            if raised and not end:
                held.append((raised, None, rate["type"], *(None if value is None else value + 1 for value in values)))
    for row_id, row in truth.of("publisher").items():
        sold = row["transactionDate"]
        for part in row["transactionParts"] or []:
            held = rates[row["accountId"], row["advertiserId"], part["commissionGroupId"]]
            found = [(*rate, start.replace("T", " ")) for start, end, *rate in held if start <= sold and (end is None or sold < end)]
            for rate in found or [(None, None, None, None)]:
                amounts = money(part["amount"]), money(part["commissionAmount"])
                yield row_id, sold.replace("T", " "), part["commissionGroupName"], *rate, currency(row), *amounts


def paid(truth):
    def payment_of(row):
        return row["accountId"], row["paymentId"]
    rows = [row for row in truth.of("publisher").values() if row["paymentId"]]
    sales = dict(group(rows, lambda row: (*payment_of(row), row["advertiserId"])))
    parts = dict(group(truth.answers["payment_breakdowns"], payment_of))
    for payment in truth.answers["payments"]:
        key, total = payment_of(payment), payment["amount"]
        for part in parts[key]:
            of = sales[*key, part["advertiserId"]]
            oldest = min(day(row, "validationDate") for row in of)
            of_sales = len(of), sum_of(amount(row, "commissionAmount") for row in of), oldest
            whole = day(payment, "processingDate"), total["currency"], money(total["amount"])
            yield *key, *whole, part["advertiserId"], part["advertiserName"], amount(part, "payment"), *of_sales


def unpaid(truth):
    rows = [row for row in truth.of("publisher").values() if row["commissionStatus"] == "approved" and not row["paidToPublisher"]]
    for key, found in group(rows, lambda row: (row["accountId"], row["advertiserId"], currency(row))):
        outstanding = sum_of(amount(row, "commissionAmount") for row in found)
        yield *key, len(found), outstanding, min(day(row, "validationDate") for row in found)
