"""The headers of the exports, complete, as documented or seen up to 2026-11 (rollout 4.1)."""

from __future__ import annotations


def _titles(text: str) -> tuple[str, ...]:
    return tuple(title.strip() for title in text.replace("\n", " ").split(","))


ENTRA = _titles("""
    userPrincipalName, displayName, surname, mail, givenName, objectId, userType, jobTitle,
    department, accountEnabled, usageLocation, streetAddress, state, country,
    physicalDeliveryOfficeName, city, postalCode, telephoneNumber, mobile,
    authenticationAlternativePhoneNumber, authenticationEmail, alternateEmailAddress, ageGroup,
    consentProvidedForMinor, legalAgeGroupClassification
""")

ENTRA_2 = _titles("""
    userPrincipalName, displayName, surname, mail, givenName, id, userType, jobTitle, department,
    accountEnabled, usageLocation, streetAddress, state, country, officeLocation, city, postalCode,
    telephoneNumber, mobilePhone, alternateEmailAddress, ageGroup, consentProvidedForMinor,
    legalAgeGroupClassification, companyName, creationType, directorySynced, invitationState,
    identityIssuer, createdDateTime
""")

GOOGLE = _titles("""
    First Name [Required], Last Name [Required], Email Address [Required], Password [Required],
    Password Hash Function [UPLOAD ONLY], Org Unit Path [Required], New Primary Email [UPLOAD ONLY],
    Status [READ ONLY], Last Sign In [READ ONLY], Recovery Email, Home Secondary Email, Work
    Secondary Email, Recovery Phone [MUST BE IN THE E.164 FORMAT], Work Phone, Home Phone, Mobile
    Phone, Work Address, Home Address, Employee ID, Employee Type, Employee Title, Manager Email,
    Department, Cost Center, 2sv Enrolled [READ ONLY], 2sv Enforced [READ ONLY], Building ID, Floor
    Name, Floor Section, Email Usage [READ ONLY], Drive Usage [READ ONLY], Total Storage [READ
    ONLY], Change Password at Next Sign-In, New Status [UPLOAD ONLY]
""")

INTUNE = _titles("""
    Device ID, Device name, Enrollment date, Last check-in, Azure AD Device ID, OS version, Azure AD
    registered, EAS activation ID, Serial number, Manufacturer, Model, EAS activated, IMEI, Last EAS
    sync time, EAS reason, EAS status, Compliance grace period expiration, Security patch level,
    Wi-Fi MAC, MEID, Subscriber carrier, Total storage, Free storage, Management name, Category,
    UserId, Primary user UPN, Primary user email address, Primary user display name,
    WiFiIPv4Address, WiFiSubnetID, Compliance, Managed by, Ownership, Device state, Intune
    registered, Supervised, Encrypted, OS, SkuFamily, JoinType, Phone number, Jailbroken, ICCID,
    EthernetMAC, CellularTechnology, ProcessorArchitecture, EID
""")

GRAPH = _titles("""
    DeviceId, DeviceName, CreatedDate, LastContact, ReferenceId, OSVersion, GraphDeviceIsManaged,
    EasID, SerialNumber, Manufacturer, Model, EasActivationStatus, IMEI, EasLastSyncSuccessUtc,
    EasStateReason, EasAccessState, InGracePeriodUntil, AndroidPatchLevel, WifiMacAddress, MEID,
    SubscriberCarrierNetwork, StorageTotal, StorageFree, ManagedDeviceName, CategoryName, UserId,
    UPN, UserEmail, UserName, WiFiIPv4Address, WiFiSubnetID, CompliantState, ManagementAgent,
    OwnerType, ManagementState, DeviceRegistrationState, IsSupervised, IsEncrypted, DeviceType,
    SkuFamily, JoinType, PhoneNumber, JailBroken, ICCID, EthernetMAC, CellularTechnology,
    ProcessorArchitecture, EID, EnrollmentType
""")

JAMF = _titles("""
    Computer Name, JSS Computer ID, Serial Number, Last Check-in, Operating System Version, Managed,
    Supervised, Username, Full Name, Email Address, Department, Building, Position, Last Inventory
    Update, User Approved MDM, Enrollment Method, Model, Asset Ownership, AI Gateway Status,
    Application Title, Application Version
""")

JAMF_GERMAN = _titles("""
    Computername, JSS-Computer-ID, Seriennummer, Letzter Check-In, Betriebssystemversion, Verwaltet,
    Betreut, Benutzername, Vollständiger Name, E-Mail-Adresse, Abteilung, Gebäude, Position, Letzte
    Inventaraktualisierung, Registrierungsmethode, Modell
""")

PRISM = _titles("""
    blueprint_id, blueprint_name, device__user_id, device__user_name, device__user_email,
    device__name, device__family, asset_tag, serial_number, device_id, marketing_name, model,
    shared_ipad, first_enrollment_date, last_enrollment_date, agent_version, mdm_enabled,
    agent_installed, updated_at, last_collected_at, os_version
""")

MEMBERS = _titles("Object ID, User principal name, Display name, Member type")
OLD_MEMBERS = _titles("id, userPrincipalName, displayName")
GOOGLE_MEMBERS = _titles("Group Email [Required], Member Email, Member Type, Member Role")
