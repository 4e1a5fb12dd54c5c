//! The regions that Awin takes, by report.

/// Regions of the reports by creative and by advertiser, and those that the configuration can name.
pub const REGIONS: &[&str] =
    &["AT", "AU", "BE", "BR", "BU", "CA", "CH", "DE", "DK", "ES", "FI", "FR", "GB", "IE", "IT", "NL", "NO", "PL", "SE", "US"];

/// Regions of the campaign report of publishers: those of the others, and more.
pub const CAMPAIGN_REGIONS: &[&str] = &[
    "AE", "AR", "AT", "AU", "BE", "BG", "BR", "BU", "CA", "CH", "CL", "CN", "CO", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "GR",
    "HR", "HU", "IE", "IN", "IT", "JP", "LT", "LV", "MX", "NL", "NO", "NZ", "PE", "PL", "PT", "RO", "RU", "SE", "SG", "SI", "SK",
    "TR", "UA", "US", "ZA",
];
