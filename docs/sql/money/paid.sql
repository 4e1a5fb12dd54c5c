-- Each payment, with the sum of its breakdowns and of its sales. PostgreSQL, filled by Airbyte.
SELECT p."accountId",
       p."paymentId",
       p."processingDate",
       (p."amount"->>'amount')::numeric AS paid,
       p."amount"->>'currency'          AS currency,
       b.paid                           AS sum_of_breakdowns,
       t.sales,
       t.commission
FROM payments p
LEFT JOIN (
    SELECT "accountId", "paymentId", sum(("payment"->>'amount')::numeric) AS paid
    FROM payment_breakdowns GROUP BY 1, 2
) b USING ("accountId", "paymentId")
LEFT JOIN (
    SELECT "accountId", "paymentId", count(*) AS sales, sum(("commissionAmount"->>'amount')::numeric) AS commission
    FROM transactions WHERE "accountType" = 'publisher' AND "paidToPublisher" GROUP BY 1, 2
) t USING ("accountId", "paymentId")
ORDER BY p."processingDate" DESC, p."paymentId";
