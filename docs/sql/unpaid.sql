-- What is approved and not paid yet, by advertiser.
SELECT account_id,
       advertiser_id,
       currency,
       count(*)         AS sales,
       sum(commission)  AS outstanding,
       min(decided_on)  AS oldest_decision
FROM awin_sales
WHERE account_type = 'publisher'
  AND status = 'approved'
  AND NOT coalesce(paid, FALSE)
GROUP BY account_id, advertiser_id, currency
ORDER BY account_id, advertiser_id, currency;
