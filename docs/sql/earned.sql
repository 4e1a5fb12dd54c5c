-- What a publisher earns with a month's sales, as it stands now. Pending commission can still change.
-- Beside the views it reads programmes.
SELECT s.account_id,
       s.advertiser_id,
       p.name                                                       AS programme,
       s.currency,
       sum(CASE WHEN s.status = 'approved' THEN s.commission END)   AS approved,
       sum(CASE WHEN s.status = 'pending' THEN s.commission END)    AS pending,
       sum(CASE WHEN s.status = 'declined' THEN 1 ELSE 0 END)       AS declined_sales
FROM awin_sales AS s
LEFT JOIN programmes AS p ON p.id = s.advertiser_id AND p.accountId = s.account_id
WHERE s.account_type = 'publisher'
  AND s.sold_on >= DATE '2026-03-01'
  AND s.sold_on < DATE '2026-04-01'
GROUP BY s.account_id, s.advertiser_id, p.name, s.currency
ORDER BY s.account_id, s.advertiser_id, s.currency;
