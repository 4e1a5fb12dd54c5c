-- The rate that each part of a sale was paid at: the one of the moment of the sale.
-- Beside the views it reads commission_rates.
SELECT s.row_id,
       s.sold_at,
       s.group_name,
       r.type,
       r.percentage,
       r.amount,
       r.ratesStart AS rate_since,
       s.currency,
       s.sale_value,
       s.commission
FROM awin_sale_parts AS s
LEFT JOIN commission_rates AS r
    ON r.groupId = s.group_id AND r.advertiserId = s.advertiser_id AND r.accountId = s.account_id
    AND r.ratesStart <= s.sold_at AND (r.ratesEnd IS NULL OR r.ratesEnd > s.sold_at)
WHERE s.account_type = 'publisher'
ORDER BY s.sold_at, s.row_id;
