//! The authority from which endpoints of this sandbox have their certificates, in the place of the public one that AWS's have
//! theirs from. It is made anew at each start, and only tasks trust it: no browser and no file of this machine.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// Where images have the certificates that they trust: Debian and Alpine, Alpine's other name, Fedora.
const BUNDLES: [&str; 3] = ["etc/ssl/certs/ca-certificates.crt", "etc/ssl/cert.pem", "etc/pki/tls/certs/ca-bundle.crt"];

/// A certificate authority.
pub(crate) struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, both as PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    /// A new one.
    pub(crate) fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.distinguished_name.push(DnType::CommonName, "stackctl sandbox");
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// Its own certificate, as PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for `name`, a host name or an address.
    pub(crate) fn issue(&self, name: &str) -> Result<Issued> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { certificate, key: key.serialize_pem() })
    }
}

/// Lets what runs in `root` trust the authority with this `certificate`: it joins those that the image trusts already.
pub(crate) fn trust(root: &Path, certificate: &str) -> io::Result<()> {
    let root = root.canonicalize()?;
    for bundle in BUNDLES {
        // An image's link may lead out of the image, to a file of this machine: such a one is left alone.
        let Ok(path) = root.join(bundle).canonicalize() else { continue };
        let trusts_already = || fs::read_to_string(&path).is_ok_and(|text| text.contains(certificate));
        if path.starts_with(&root) && path.is_file() && !trusts_already() {
            write!(OpenOptions::new().append(true).open(path)?, "\n{certificate}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_issues_is_trusted_for_its_name_by_who_trusts_it() {
        let (authority, other) = (Authority::new().expect("it is made"), Authority::new().expect("it is made"));
        let issued = authority.issue("127.0.0.9").expect("it is issued");
        let verified = |root: &Authority, name: &str| {
            use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
            let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("it is PEM");
            let mut roots = rustls::RootCertStore::empty();
            roots.add(der(root.certificate())).expect("it is an authority");
            let provider = rustls::crypto::aws_lc_rs::default_provider().into();
            let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(roots.into(), provider);
            let verifier = verifier.build().expect("there is a root");
            let name = ServerName::try_from(name.to_owned()).expect("it is a name");
            let leaf = der(&issued.certificate);
            rustls::client::danger::ServerCertVerifier::verify_server_cert(
                verifier.as_ref(),
                &leaf,
                &[],
                &name,
                &[],
                UnixTime::now(),
            )
            .is_ok()
        };
        assert!(verified(&authority, "127.0.0.9"));
        assert!(!verified(&authority, "127.0.0.8"), "for its own name only");
        assert!(!verified(&other, "127.0.0.9"), "by its own authority only");
    }

    #[test]
    fn an_image_trusts_it_once_and_no_file_outside_of_it_changes() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let outside = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::create_dir_all(root.path().join("etc/ssl/certs")).expect("a folder");
        let bundle = root.path().join(BUNDLES[0]);
        fs::write(&bundle, "one of the world's\n").expect("it can be written");
        std::os::unix::fs::symlink(outside.path(), root.path().join(BUNDLES[1])).expect("a link");
        for _ in 0..2 {
            trust(root.path(), "ours\n").expect("it can be written");
        }
        assert_eq!(fs::read_to_string(bundle).expect("it is there"), "one of the world's\n\nours\n");
        assert_eq!(fs::read_to_string(outside.path()).expect("it is there"), "");
    }
}
