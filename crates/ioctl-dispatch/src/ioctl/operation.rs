//! What can be asked of the driver, each with a state machine of its own in [`ops`](crate::ops).

macro_rules! operations {
    ($( $(#[$meta:meta])* $name:ident ),* $(,)?) => {
        /// The state machine that serves a control code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation {
            $( $(#[$meta])* $name, )*
        }
    };
}

operations! {
    /// Passed down; no state machine.
    None,
    /// READ TOC in the fixed form of IOCTL_CDROM_READ_TOC.
    ReadToc,
    /// READ TOC with the session format.
    LastSession,
    /// READ TOC as the caller asks.
    ReadTocEx,
    /// READ SUB-CHANNEL.
    ReadQChannel,
    /// PLAY AUDIO MSF.
    PlayAudio,
    /// SEEK to an audio address.
    SeekAudio,
    /// PAUSE.
    PauseAudio,
    /// RESUME.
    ResumeAudio,
    /// STOP UNIT.
    StopAudio,
    /// Audio volume out of mode page 0E.
    GetVolume,
    /// Audio volume into mode page 0E.
    SetVolume,
    /// READ CD.
    RawRead,
    /// READ CAPACITY as DISK_GEOMETRY.
    Geometry,
    /// READ CAPACITY as DISK_GEOMETRY_EX.
    GeometryEx,
    /// READ CAPACITY as GET_LENGTH_INFORMATION.
    LengthInfo,
    /// READ CAPACITY as STORAGE_READ_CAPACITY.
    ReadCapacity,
    /// TEST UNIT READY, with the media change count.
    CheckVerify,
    /// TEST UNIT READY.
    CheckVerify2,
    /// Locks without an owner.
    MediaRemoval,
    /// Locks owned by a handle.
    EjectionControl,
    /// Eject.
    Eject,
    /// Load.
    Load,
    /// Cached INQUIRY data.
    InquiryData,
    /// GET CONFIGURATION.
    GetConfiguration,
    /// SET CD SPEED or SET STREAMING.
    SetSpeed,
    /// Streaming commands for a handle.
    EnableStreaming,
    /// SEND OPC INFORMATION.
    SendOpc,
    /// GET PERFORMANCE.
    GetPerformance,
    /// Whether the medium behaves like a disk.
    IsWritable,
    /// VERIFY.
    Verify,
    /// One synthetic partition.
    PartitionInfo,
    /// One synthetic partition, extended form.
    PartitionInfoEx,
    /// One synthetic partition as a layout.
    DriveLayout,
    /// One synthetic partition as an extended layout.
    DriveLayoutEx,
    /// SET READ AHEAD.
    SetReadAhead,
    /// New AGID for CSS.
    DvdStartSession,
    /// REPORT KEY or the disc key structure.
    DvdReadKey,
    /// SEND KEY.
    DvdSendKey,
    /// Give AGIDs back.
    DvdEndSession,
    /// Copyright structure and RPC state.
    DvdGetRegion,
    /// READ DISC STRUCTURE.
    DvdReadStructure,
    /// Size of the media key block.
    AacsMediaKeyBlockSize,
    /// The media key block.
    AacsMediaKeyBlock,
    /// New AGID for AACS.
    AacsStartSession,
    /// Give AGIDs back, of both classes when all are meant.
    AacsEndSession,
    /// Host certificate.
    AacsSendCertificate,
    /// Drive certificate.
    AacsGetCertificate,
    /// Drive key.
    AacsGetChallengeKey,
    /// Host key.
    AacsSendChallengeKey,
    /// Volume identifier.
    AacsReadVolumeId,
    /// Pre-recorded media serial number.
    AacsReadSerialNumber,
    /// Media identifier.
    AacsReadMediaId,
    /// Binding nonce for reading.
    AacsReadBindingNonce,
    /// Binding nonce for writing.
    AacsGenerateBindingNonce,
    /// Exclusive access.
    ExclusiveAccess,
    /// Media-change notification counting.
    McnControl,
    /// RESERVE.
    Reserve,
    /// RELEASE.
    Release,
    /// PERSISTENT RESERVE IN.
    PersistentReserveIn,
    /// PERSISTENT RESERVE OUT.
    PersistentReserveOut,
    /// Media types, with TEST UNIT READY.
    MediaTypes,
    /// The properties that this driver answers itself.
    QueryProperty,
    /// Device number.
    DeviceNumber,
    /// Hot-plug information.
    GetHotplugInfo,
    /// Hot-plug information.
    SetHotplugInfo,
    /// NOT_SUPPORTED.
    PriorityHint,
    /// A poll on behalf of the port.
    EventNotification,
    /// Invalidate bus relations.
    FindNewDevices,
    /// Unique id of the mounted device.
    MountUniqueId,
    /// Device name.
    MountDeviceName,
    /// Suggested drive letter.
    MountSuggestedLink,
    /// Whether the volume is online.
    VolumesReady,
    /// As [`Self::VolumePostOnline`] for a program; nothing yet for the system, which follows with that.
    VolumeOnline,
    /// The volume is online.
    VolumePostOnline,
    /// SCSI pass-through.
    PassThrough,
}
