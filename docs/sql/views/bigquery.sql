-- BigQuery, with nested columns of the type JSON. Give the dataset, or set a default one.
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
       JSON_VALUE(commissionAmount, '$.currency')                  AS currency,
       CAST(JSON_VALUE(commissionAmount, '$.amount') AS NUMERIC)   AS commission,
       CAST(JSON_VALUE(networkFee, '$.amount') AS NUMERIC)         AS network_fee,
       CASE WHEN accountType = 'advertiser' AND commissionStatus = 'approved'
            THEN CAST(JSON_VALUE(commissionAmount, '$.amount') AS NUMERIC)
                + coalesce(CAST(JSON_VALUE(networkFee, '$.amount') AS NUMERIC), 0)
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
       JSON_VALUE(t.commissionAmount, '$.currency')                AS currency,
       CAST(JSON_VALUE(part, '$.commissionGroupId') AS INT64)      AS group_id,
       JSON_VALUE(part, '$.commissionGroupName')                   AS group_name,
       CAST(JSON_VALUE(part, '$.amount') AS NUMERIC)               AS sale_value,
       CAST(JSON_VALUE(part, '$.commissionAmount') AS NUMERIC)     AS commission
FROM transactions AS t
CROSS JOIN UNNEST(JSON_QUERY_ARRAY(t.transactionParts)) AS part;

CREATE OR REPLACE VIEW awin_publisher_days AS
SELECT accountId AS account_id, date AS day, publisherId AS publisher_id, publisherName AS publisher_name,
       currency, totalNo AS sales, CAST(totalComm AS NUMERIC) AS commission
FROM stats_by_publisher;
