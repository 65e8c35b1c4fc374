//! The authorities from which endpoints of this sandbox have their certificates, in the place of those that AWS's have theirs from: the
//! public one, which images trust, and the one of RDS, which only a file with Amazon's authorities for RDS makes known. They are
//! made anew at each start, and only tasks trust them: no browser and no file of this machine.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// Where images have the certificates that they trust: Debian and Alpine, Alpine's other name, Fedora.
const BUNDLES: [&str; 3] = ["etc/ssl/certs/ca-certificates.crt", "etc/ssl/cert.pem", "etc/pki/tls/certs/ca-bundle.crt"];

/// Where images that stackctl pushes have Amazon's authorities for RDS.
const OF_RDS: &str = "etc/stackctl/rds-ca.pem";

/// All authorities of the sandbox.
pub(crate) struct Authorities {
    /// In the place of Amazon's public one.
    pub(crate) public: Authority,
    /// In the place of Amazon's for RDS.
    pub(crate) rds: Authority,
}

impl Authorities {
    /// New ones.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { public: Authority::new("stackctl sandbox")?, rds: Authority::new("stackctl sandbox RDS")? })
    }

    /// Lets what runs in `root` trust them as far as it trusts Amazon's.
    pub(crate) fn trusted_in(&self, root: &Path) -> io::Result<()> {
        trust(root, self.public.certificate())?;
        let root = root.canonicalize()?;
        // In the place of Amazon's, none of which signs for a database here. Another image has no such file, and gets none. Node.js
        // knows Amazon's public authorities without a file of the image, and has no other way to know the sandbox's.
        let both = [self.rds.certificate(), self.public.certificate()].concat();
        match root.join(OF_RDS).canonicalize() {
            Ok(path) if path.starts_with(&root) && path.is_file() => fs::write(path, both),
            _ => Ok(()),
        }
    }
}

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
    /// A new one of this name.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.distinguished_name.push(DnType::CommonName, name);
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
        self.issue_for(name, &[])
    }

    /// A certificate for `name` and for `others`.
    pub(crate) fn issue_for(&self, name: &str, others: &[&str]) -> Result<Issued> {
        let names = std::iter::once(name).chain(others.iter().copied());
        let mut params = CertificateParams::new(names.map(str::to_owned).collect::<Vec<_>>())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { certificate, key: key.serialize_pem() })
    }
}

/// Lets what runs in `root` trust the authority with this `certificate`: it joins those that the image trusts already.
fn trust(root: &Path, certificate: &str) -> io::Result<()> {
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
        let [authority, other] = ["one", "other"].map(|name| Authority::new(name).expect("it is made"));
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
    fn the_authority_of_rds_is_known_to_images_with_amazons_alone() {
        let authorities = Authorities::new().expect("they are made");
        let [with, without] = [(); 2].map(|()| tempfile::tempdir().expect("a temporary folder"));
        let file = with.path().join(OF_RDS);
        fs::create_dir_all(with.path().join("etc/stackctl")).expect("a folder");
        fs::write(&file, "Amazon's\n").expect("it can be written");
        for root in [with.path(), without.path()] {
            authorities.trusted_in(root).expect("it can be written");
        }
        let known = fs::read_to_string(&file).expect("it is there");
        assert!(known.starts_with(authorities.rds.certificate()) && !known.contains("Amazon's"), "in their place");
        assert!(!without.path().join(OF_RDS).exists());
        assert_ne!(authorities.rds.certificate(), authorities.public.certificate());
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
