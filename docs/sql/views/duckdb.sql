-- DuckDB.
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
       commissionAmount ->> 'currency'                             AS currency,
       CAST(commissionAmount ->> 'amount' AS DECIMAL(18, 4))       AS commission,
       CAST(networkFee ->> 'amount' AS DECIMAL(18, 4))             AS network_fee,
       CASE WHEN accountType = 'advertiser' AND commissionStatus = 'approved'
            THEN CAST(commissionAmount ->> 'amount' AS DECIMAL(18, 4))
                + coalesce(CAST(networkFee ->> 'amount' AS DECIMAL(18, 4)), 0)
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
       t.commissionAmount ->> 'currency'                           AS currency,
       CAST(p.part ->> 'commissionGroupId' AS BIGINT)              AS group_id,
       p.part ->> 'commissionGroupName'                            AS group_name,
       CAST(p.part ->> 'amount' AS DECIMAL(18, 4))                 AS sale_value,
       CAST(p.part ->> 'commissionAmount' AS DECIMAL(18, 4))       AS commission
FROM transactions AS t
CROSS JOIN unnest(CAST(t.transactionParts AS JSON[])) AS p(part);

CREATE OR REPLACE VIEW awin_publisher_days AS
SELECT accountId AS account_id, "date" AS day, publisherId AS publisher_id, publisherName AS publisher_name,
       currency, totalNo AS sales, CAST(totalComm AS DECIMAL(18, 4)) AS commission
FROM stats_by_publisher;
