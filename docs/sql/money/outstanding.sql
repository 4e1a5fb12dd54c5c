-- What is approved and not paid yet, by advertiser. PostgreSQL, filled by Airbyte.
SELECT "accountId",
       "advertiserId",
       "commissionAmount"->>'currency'                   AS currency,
       sum(("commissionAmount"->>'amount')::numeric)     AS outstanding,
       min("validationDate")                             AS oldest_decision
FROM transactions
WHERE "accountType" = 'publisher'
  AND "commissionStatus" = 'approved'
  AND NOT "paidToPublisher"
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;
