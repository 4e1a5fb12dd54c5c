-- Snowflake, with nested columns of the type VARIANT, OBJECT or ARRAY.
CREATE OR REPLACE VIEW awin_sales AS
SELECT rowId                                                       AS row_id,
       accountType                                                 AS account_type,
       accountId                                                   AS account_id,
       id                                                          AS sale_id,
       advertiserId                                                AS advertiser_id,
       publisherId                                                 AS publisher_id,
       commissionStatus                                            AS status,
       CAST(transactionDate AS DATE)                               AS sold_on,
       CAST(validationDate AS DATE)                                AS decided_on,
       paidToPublisher                                             AS paid,
       paymentId                                                   AS payment_id,
       CAST(commissionAmount:currency AS VARCHAR)                  AS currency,
       CAST(commissionAmount:amount AS NUMBER(18, 4))              AS commission,
       CAST(networkFee:amount AS NUMBER(18, 4))                    AS network_fee,
       CASE WHEN accountType = 'advertiser' AND commissionStatus = 'approved'
            THEN CAST(commissionAmount:amount AS NUMBER(18, 4))
                + coalesce(CAST(networkFee:amount AS NUMBER(18, 4)), 0)
            ELSE 0 END AS owed,
       _airbyte_extracted_at                                       AS synced_at
FROM transactions;

CREATE OR REPLACE VIEW awin_sale_parts AS
SELECT t.rowId                                                     AS row_id,
       t.accountType                                               AS account_type,
       t.accountId                                                 AS account_id,
       t.advertiserId                                              AS advertiser_id,
       t.commissionStatus                                          AS status,
       CAST(t.transactionDate AS DATE)                             AS sold_on,
       t.transactionDate                                           AS sold_at,
       CAST(t.commissionAmount:currency AS VARCHAR)                AS currency,
       CAST(p.value:commissionGroupId AS NUMBER(38, 0))            AS group_id,
       CAST(p.value:commissionGroupName AS VARCHAR)                AS group_name,
       CAST(p.value:amount AS NUMBER(18, 4))                       AS sale_value,
       CAST(p.value:commissionAmount AS NUMBER(18, 4))             AS commission
FROM transactions AS t, LATERAL FLATTEN(INPUT => t.transactionParts) AS p;

CREATE OR REPLACE VIEW awin_publisher_days AS
SELECT accountId AS account_id, "DATE" AS day, publisherId AS publisher_id, publisherName AS publisher_name,
       currency, totalNo AS sales, CAST(totalComm AS NUMBER(18, 4)) AS commission
FROM stats_by_publisher;
