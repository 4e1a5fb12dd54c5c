-- Approved sales by commission group, from the parts of the transactions. commission_groups has today's rates; a sale was
-- paid at the rate of its day.
-- Beside the views it reads commission_groups.
SELECT s.account_id,
       s.advertiser_id,
       s.group_name,
       g.type,
       g.percentage,
       s.currency,
       sum(s.sale_value) AS sale_value,
       sum(s.commission) AS commission
FROM awin_sale_parts AS s
LEFT JOIN commission_groups AS g
    ON g.groupId = s.group_id AND g.advertiserId = s.advertiser_id AND g.accountId = s.account_id
WHERE s.account_type = 'publisher' AND s.status = 'approved'
GROUP BY s.account_id, s.advertiser_id, s.group_name, g.type, g.percentage, s.currency
ORDER BY s.account_id, s.advertiser_id, s.group_name;
