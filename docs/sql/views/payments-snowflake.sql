-- Snowflake, with nested columns of the type VARIANT, OBJECT or ARRAY.
CREATE OR REPLACE VIEW awin_payments AS
SELECT accountId                              AS account_id,
       paymentId                              AS payment_id,
       CAST(processingDate AS DATE)           AS paid_on,
       CAST(amount:currency AS VARCHAR)       AS currency,
       CAST(amount:amount AS NUMBER(18, 4))   AS amount
FROM payments;

CREATE OR REPLACE VIEW awin_payment_parts AS
SELECT accountId                              AS account_id,
       paymentId                              AS payment_id,
       advertiserId                           AS advertiser_id,
       advertiserName                         AS advertiser_name,
       CAST(payment:currency AS VARCHAR)      AS currency,
       CAST(payment:amount AS NUMBER(18, 4))  AS amount
FROM payment_breakdowns;
