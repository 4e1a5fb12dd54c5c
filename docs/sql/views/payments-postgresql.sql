-- PostgreSQL, filled by Airbyte. PyAirbyte writes names in lower case: take the double quotes away.
CREATE OR REPLACE VIEW awin_payments AS
SELECT "accountId"                                     AS account_id,
       "paymentId"                                     AS payment_id,
       CAST("processingDate" AS DATE)                  AS paid_on,
       "amount" ->> 'currency'                         AS currency,
       CAST("amount" ->> 'amount' AS DECIMAL(18, 4))   AS amount
FROM payments;

CREATE OR REPLACE VIEW awin_payment_parts AS
SELECT "accountId"                                     AS account_id,
       "paymentId"                                     AS payment_id,
       "advertiserId"                                  AS advertiser_id,
       "advertiserName"                                AS advertiser_name,
       "payment" ->> 'currency'                        AS currency,
       CAST("payment" ->> 'amount' AS DECIMAL(18, 4))  AS amount
FROM payment_breakdowns;
