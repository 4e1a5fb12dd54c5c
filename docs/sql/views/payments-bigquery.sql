-- BigQuery, with nested columns of the type JSON. Give the dataset, or set a default one.
CREATE OR REPLACE VIEW awin_payments AS
SELECT accountId                                         AS account_id,
       paymentId                                         AS payment_id,
       CAST(processingDate AS DATE)                      AS paid_on,
       JSON_VALUE(amount, '$.currency')                  AS currency,
       CAST(JSON_VALUE(amount, '$.amount') AS NUMERIC)   AS amount
FROM payments;

CREATE OR REPLACE VIEW awin_payment_parts AS
SELECT accountId                                         AS account_id,
       paymentId                                         AS payment_id,
       advertiserId                                      AS advertiser_id,
       advertiserName                                    AS advertiser_name,
       JSON_VALUE(payment, '$.currency')                 AS currency,
       CAST(JSON_VALUE(payment, '$.amount') AS NUMERIC)  AS amount
FROM payment_breakdowns;
