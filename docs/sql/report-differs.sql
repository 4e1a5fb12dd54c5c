-- Days and publishers whose totals differ between transactions and the report (stats_date_type = transaction).
-- Today differs while it goes on.
WITH sales AS (
    SELECT account_id, sold_on AS day, publisher_id, currency, count(*) AS sales, sum(commission) AS commission
    FROM awin_sales
    WHERE account_type = 'advertiser' AND status IN ('pending', 'approved')
    GROUP BY account_id, sold_on, publisher_id, currency
), report AS (
    SELECT account_id, day, publisher_id, currency, sum(sales) AS sales, sum(commission) AS commission
    FROM awin_publisher_days
    GROUP BY account_id, day, publisher_id, currency
)
SELECT coalesce(s.account_id, r.account_id)     AS account_id,
       coalesce(s.day, r.day)                   AS day,
       coalesce(s.publisher_id, r.publisher_id) AS publisher_id,
       coalesce(s.currency, r.currency)         AS currency,
       s.sales,
       r.sales                                  AS sales_in_report,
       s.commission,
       r.commission                             AS commission_in_report
FROM sales AS s
FULL JOIN report AS r
    ON r.account_id = s.account_id AND r.day = s.day AND r.publisher_id = s.publisher_id AND r.currency = s.currency
WHERE coalesce(s.sales, 0) <> coalesce(r.sales, 0)
   OR abs(coalesce(s.commission, 0) - coalesce(r.commission, 0)) > 0.01
ORDER BY 2, 1, 3;
