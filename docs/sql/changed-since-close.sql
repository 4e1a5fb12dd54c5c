-- What has changed in a month since it was closed: one line per sale whose amount has changed.
WITH month_now AS (
    SELECT row_id, account_id, publisher_id, currency, owed
    FROM awin_sales
    WHERE account_type = 'advertiser'
      AND status = 'approved'
      AND decided_on >= DATE '2026-03-01'
      AND decided_on < DATE '2026-04-01'
), differing AS (
    SELECT coalesce(c.row_id, n.row_id)              AS row_id,
           coalesce(c.account_id, n.account_id)      AS account_id,
           coalesce(c.publisher_id, n.publisher_id)  AS publisher_id,
           coalesce(c.currency, n.currency)          AS currency,
           c.owed                                    AS owed_booked,
           n.owed                                    AS owed_now,
           coalesce(n.owed, 0) - coalesce(c.owed, 0) AS difference
    FROM awin_closed_2026_03 AS c
    FULL JOIN month_now AS n ON n.row_id = c.row_id
    WHERE c.owed IS DISTINCT FROM n.owed
)
SELECT d.*, s.status AS status_now, s.decided_on AS decided_now
FROM differing AS d
LEFT JOIN awin_sales AS s ON s.row_id = d.row_id
ORDER BY d.account_id, d.row_id;
