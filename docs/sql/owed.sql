-- What an advertiser owes for a month, by decision. By sale: replace decided_on with sold_on.
SELECT account_id,
       publisher_id,
       currency,
       count(*)                                              AS sales,
       sum(commission)                                       AS commission,
       sum(network_fee)                                      AS network_fee,
       sum(owed)                                             AS owed,
       sum(CASE WHEN network_fee IS NULL THEN 1 ELSE 0 END)  AS sales_without_fee
FROM awin_sales
WHERE account_type = 'advertiser'
  AND status = 'approved'
  AND decided_on >= DATE '2026-03-01'
  AND decided_on < DATE '2026-04-01'
GROUP BY account_id, publisher_id, currency
ORDER BY account_id, publisher_id, currency;
