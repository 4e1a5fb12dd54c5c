-- Names also of publishers that have left: the latest one in the report fills the gap.
-- Beside the views it reads publishers.
WITH numbered AS (
    SELECT account_id, publisher_id, publisher_name,
           row_number() OVER (PARTITION BY account_id, publisher_id ORDER BY day DESC) AS place
    FROM awin_publisher_days
)
SELECT s.row_id, s.publisher_id, coalesce(p.name, n.publisher_name) AS publisher
FROM awin_sales AS s
LEFT JOIN publishers AS p ON p.id = s.publisher_id AND p.accountId = s.account_id
LEFT JOIN numbered AS n ON n.publisher_id = s.publisher_id AND n.account_id = s.account_id AND n.place = 1
WHERE s.account_type = 'advertiser'
ORDER BY s.row_id;
