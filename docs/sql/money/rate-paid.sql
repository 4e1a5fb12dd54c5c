-- The rate at which each sale was paid. PostgreSQL, filled by Airbyte.
SELECT t."id",
       t."transactionDate",
       part->>'commissionGroupName' AS commission_group,
       r."type",
       r."percentage",
       r."amount",
       r."ratesStart"
FROM transactions t
CROSS JOIN jsonb_array_elements(t."transactionParts") AS part
LEFT JOIN commission_rates r ON r."groupId" = (part->>'commissionGroupId')::bigint
    AND r."advertiserId" = t."advertiserId" AND r."accountId" = t."accountId"
    AND t."transactionDate" >= r."ratesStart"
    AND (r."ratesEnd" IS NULL OR t."transactionDate" < r."ratesEnd")
WHERE t."accountType" = 'publisher'
ORDER BY t."transactionDate", t."id";
