-- What was paid, by whom, and for which sales: one line per payment and advertiser. The commission is that of the sales now:
-- one that was amended after it was paid differs, and sales from before the start date are missing. The amount of a payment
-- stands on the line of each of its advertisers.
WITH sales AS (
    SELECT account_id, payment_id, advertiser_id,
           count(*) AS sales, sum(commission) AS commission, min(decided_on) AS oldest_decision
    FROM awin_sales
    WHERE account_type = 'publisher'
    GROUP BY account_id, payment_id, advertiser_id
)
SELECT p.account_id,
       p.payment_id,
       p.paid_on,
       p.currency,
       p.amount          AS payment,
       b.advertiser_id,
       b.advertiser_name,
       b.amount          AS of_advertiser,
       s.sales,
       s.commission,
       s.oldest_decision
FROM awin_payments AS p
LEFT JOIN awin_payment_parts AS b ON b.payment_id = p.payment_id AND b.account_id = p.account_id
LEFT JOIN sales AS s
    ON s.payment_id = b.payment_id AND s.advertiser_id = b.advertiser_id AND s.account_id = b.account_id
ORDER BY p.paid_on, p.payment_id, b.advertiser_id;
